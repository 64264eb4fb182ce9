"""Your own images: a folder with one folder a class, or a CSV or Parquet file of paths and targets.

They are decoded and brought to one size when a run starts. What fits is kept in memory; otherwise workers read the
files in every epoch.

Dimensions: N images, H × W rows and columns, C channels (1 grey, 3 red, green and blue), K target values.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt
from torch import Tensor
from torch.utils.data import DataLoader

from ...errors import UserError
from ...paths import expanded, must_exist
from ...processes.cores import cores_for_this_job
from ...setting_types import Distinct, Excludes, InnerFraction
from ..arrays import Arrays, count_classes, means_of
from ..batches import evaluation_batch, on_gpu
from ..columns.names import as_names
from ..datamodule import ArrayDataModule
from ..folds import fold_of_samples, strata
from ..new_samples import NewSamples
from ..parts import PARTS, Parts, numbers_of, refuse_changed, refuse_torn, sizes, warn_of_absent
from ..scaling import Scaling, mean_and_std, moments
from ..spec import DataSpec
from .augmentation import Augmentation, require_kornia
from .batches import EvenBatches, ImageBatches, ImageFiles, Prepare
from .files import ImageShape, pixels_in
from .listing import Listing, new_images, of_folder, of_table
from .parts import held_out, leaks
from .reading import Asked, Read, decoded, read_all

EVALUATION_BATCH = 1024  # images; a convolution makes many times their size of them
ACTIVATIONS = 16  # so many times, as is assumed for the size of evaluated batches
FILE = "file"  # the column with the names of images beside predictions
DRAWN = 1024  # images of a part that figures see where not all are in memory


class Images(ArrayDataModule):
    """Images (H, W, C), as uint8 in memory and standardised by channel in each batch."""

    reads_inputs = True
    file_settings = ("path",)

    def __init__(
        self,
        *,
        # A folder with a folder for each class, above which may be train, val and test; or a .csv or .parquet file
        path: str,
        image: str | None = None,  # the column of a file that holds the paths of the images, relative to the file
        # The column of a file to predict, or a list of several
        target: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None,
        # Auto: inferred from the target, see `target.py`; folders are classes
        task: Literal["auto", "classification", "multilabel", "regression"] = "auto",
        group: str | None = None,  # a column, such as patient: images with the same value stay in one part
        test_fraction: InnerFraction = 0.2,  # of each class, drawn with the seed; with folds it says nothing
        # A column that says train, val or test for each image; replaces test_fraction, and val_fraction if it says val
        split_column: Annotated[
            str | None, Distinct(("target", "group", "image")), Excludes("folds", "says which rows are the test")
        ] = None,
        # Pixels that images are brought to, one number or [height, width]; null: their median, 128 at most
        size: PositiveInt | tuple[PositiveInt, PositiveInt] | None = None,
        channels: Literal[1, 3] | None = None,  # 1 grey, 3 colours; null: 3 if any image has colours
        # How training batches change at random, see `augmentation.py`; needs kornia
        augment: tuple[Literal["flip", "crop", "color", "mixup"], ...] = (),
        memory: PositiveFloat = 2.0,  # GiB that images may take; more are read from their files in every epoch
        workers: NonNegativeInt | None = None,  # processes that read them then; null: one for each core, 8 at most
        folder: str = "data/decoded",  # decoded images are kept here for the next run; 8 GiB at most
        standardize: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(standardize=standardize, **options)
        self.path = expanded(Path(path))
        self.image = image
        self.targets = as_names(target)
        self.task = task
        self.group = group
        self.test_fraction = test_fraction
        self.split_column = split_column
        self.size = (size, size) if isinstance(size, int) else size and (size[0], size[1])
        self.channels = channels
        self.augment = tuple(augment)
        self.memory = memory
        self.folder = Path(folder)
        self.workers = min(8, cores_for_this_job()) if workers is None else workers
        self.shape: ImageShape | None = None
        self.rows: dict[str, Tensor] = {}  # the numbers of the images of each part
        if self.folds is not None and split_column is not None:
            raise UserError(f"data.split_column={split_column} says which rows are the test: data.folds must be null")
        self.digest = ""  # of the files

    def setup(self, stage: str | None = None) -> None:
        """Read all images once, divide them, and take the statistics of the training images.

        Raises:
            UserError: there are none, or they do not make a task.
        """
        if self.rows:
            return
        if self.augment:
            require_kornia(self.augment)
        listing = self.listing()
        count = len(listing.files)
        listing, read = read_all(listing, Asked(self.size, self.channels, self.memory), self.path, self.folder)
        self.shape = read.shape
        encoded = listing.targets_of(self.task)
        parts = self.parts_of(listing, strata(encoded.values, encoded.task))
        twice = leaks(listing.names, read.digests, parts)
        unreadable = count - len(listing.files)
        self.caveats = [f"{unreadable} of {count} images could not be read and were left out"] * bool(unreadable)
        self.caveats += [f"{twice} of {len(parts['test'])} test images are trained on or validated with"] * bool(twice)
        self.files, self.names = listing.files, listing.names
        self.digest = digest_of(listing.names, read.digests)
        self.rows = {part: torch.from_numpy(rows) for part, rows in parts.items()}
        self.labels = torch.from_numpy(encoded.values)
        self.pixels = None if read.pixels is None else torch.from_numpy(read.pixels)
        trained = self.labels[self.rows["train"]]
        self.spec = DataSpec(input_shape=read.shape.size, train_size=len(trained), **encoded.of_spec(self.targets))
        self.state_counts(trained)
        self.fit_to(read, parts["train"], trained)
        self.describe(read.headers)

    def listing(self) -> Listing:
        """Return which images there are.

        Raises:
            UserError: none are, or a setting is for a table and this is a folder.
        """
        must_exist(self.path, "data.path")
        if not self.path.is_dir():
            return of_table(self.path, self.image, self.targets, self.group, self.split_column)
        columns = {"image": self.image, "target": self.targets or None, "group": self.group}
        for key, value in (columns | {"split_column": self.split_column}).items():
            if value is not None:
                raise UserError(
                    f"data.path={self.path} is a folder, whose folders are the classes, and data.{key}= names a column "
                    "of a table: leave it out, or name a .csv or .parquet file"
                )
        if self.task not in ("auto", "classification"):
            raise UserError(
                f"data.path={self.path} is a folder, whose folders are classes: data.task={self.task} needs a table of "
                "paths and targets, data.path=labels.csv data.image=<column> data.target=<column>"
            )
        listing = of_folder(self.path)
        if listing.parts is not None and self.folds is not None:
            raise UserError(f"{self.path} has folders that say which images are the test: data.folds must be null")
        return listing

    @property
    def shape_known(self) -> ImageShape:
        """What images are brought to, once that is known."""
        assert self.shape is not None
        return self.shape

    def tested(self, kinds: NDArray[np.int64], groups: NDArray[np.int64] | None) -> NDArray[np.bool_]:
        """Return which images are the test: those of the fold, or a share that is drawn with the seed."""
        if self.folds is not None:
            return fold_of_samples(self.folds, kinds, groups) == self.fold
        return held_out(self.test_fraction, kinds, groups, self.seed, "data.test_fraction")

    def parts_of(self, listing: Listing, kinds: NDArray[np.int64]) -> Parts:
        """Return the numbers of the images of each part.

        Args:
            listing: of all images.
            kinds: what each part should have its share of, see `strata` in folds.py.

        Raises:
            UserError: a part that is needed has none, or what is stated is no part.
        """
        part_of = np.full(len(kinds), "train", object)
        if listing.parts is not None:
            part_of = listing.parts.astype(object)
        groups = listing.groups
        if not (part_of == "test").any():
            free = np.flatnonzero(part_of == "train")
            part_of[free[self.tested(kinds[free], None if groups is None else groups[free])]] = "test"
        if self.val_fraction and not (part_of == "val").any():
            free = np.flatnonzero(part_of == "train")
            of_free = None if groups is None else groups[free]
            part_of[free[held_out(self.val_fraction, kinds[free], of_free, self.seed, "data.val_fraction")]] = "val"
        parts = numbers_of(part_of)
        for part in PARTS:
            if not len(parts[part]) and (part != "val" or self.val_fraction):
                raise UserError(
                    f"No image of {len(kinds)} in {self.path} is for {part} ({sizes(parts)}): change "
                    f"data.test_fraction={self.test_fraction} or data.val_fraction={self.val_fraction}"
                )
        if groups is not None:
            split, group = f"data.split_column={self.split_column}", f"data.group={self.group}"
            refuse_torn(parts, groups, split, group, lambda row: f"the group of {listing.names[row]}")
        return parts

    def state_counts(self, trained: Tensor) -> None:
        """State in the spec what the training targets say, and name classes that are not among them."""
        counts = count_classes(trained, self.spec)
        self.spec = replace(self.spec, class_counts=counts, target_means=means_of(trained, self.spec))
        warn_of_absent(trained, self.spec, "image")

    def fit_to(self, read: Read, rows: NDArray[np.int64], targets: Tensor) -> None:
        """Take mean and spread of each channel over all pixels of the training images, in float64."""
        self.scaling = Scaling(self.spec)
        if not self.standardize:
            return
        means, variances = read.means[rows], read.variances[rows]
        mean, std = mean_and_std(
            torch.from_numpy(means.mean(axis=0)), torch.from_numpy(variances.mean(axis=0) + means.var(axis=0)).sqrt()
        )
        self.scaling.input_mean = mean.expand(self.spec.input_shape).clone()
        self.scaling.input_std = std.expand(self.spec.input_shape).clone()
        if self.spec.task == "regression":
            self.scaling.target_mean, self.scaling.target_std = moments(targets)

    def describe(self, headers: Sequence[Any]) -> None:
        """Say in a few lines what was read and chosen."""
        shape = self.shape_known
        heights, widths = zip(*((header.height, header.width) for header in headers), strict=True)
        found = f"{min(heights)} to {max(heights)} × {min(widths)} to {max(widths)}"
        chosen = "" if self.size else "; data.size= says another size"
        same = {(shape.height, shape.width)} == set(zip(heights, widths, strict=True))
        logger.info(
            "{}: {} images, {} × {} pixels{}, {}",
            self.path,
            len(self.files),
            shape.height,
            shape.width,
            "" if same else f" (from {found}, stretched{chosen})",
            "grey" if shape.channels == 1 else "red, green and blue",
        )
        logger.info(
            "images{}: {}; {}",
            self.of_fold,
            sizes(self.rows),
            f"{self.pixels.nbytes / 2**20:.0f} MiB in memory"
            if self.pixels is not None
            else f"more than data.memory={self.memory} GiB, so {self.workers} workers read them in every epoch",
        )
        frames = sum(header.frames > 1 for header in headers)
        if frames:
            logger.warning("{} files hold several frames each: the first one is taken.", frames)

    def load(self) -> Arrays:
        """Refuse to load all images at once."""
        raise NotImplementedError("images are prepared batch by batch")

    def prepare(self, trains: bool = False) -> Prepare:
        """Return what makes batches as a step receives them."""
        changes = None
        if trains and self.augment:
            changes = Augmentation(self.augment, self.shape_known, self.spec.task, self.spec.output_size)
        return Prepare(self.scaling, self.standardize, changes)

    def files_of(self, part: str) -> ImageFiles:
        """Return the images of a part, to be read from their files."""
        rows = self.rows[part]
        return ImageFiles([self.files[row] for row in rows.tolist()], self.labels[rows], self.shape_known)

    def train_dataloader(self) -> Any:
        """Return the training batches, in an order that follows from seed and epoch."""
        prepare = self.prepare(trains=True)
        if self.pixels is None:
            files = self.files_of("train")
            of_workers: dict[str, Any] = {"num_workers": self.workers, "persistent_workers": self.workers > 0}
            if self.shuffle:
                batches = EvenBatches(files, self.batch_size)
                return DataLoader(files, batch_sampler=batches, collate_fn=prepare.collate, **of_workers)
            return DataLoader(files, self.batch_size, collate_fn=prepare.collate, **of_workers)
        return ImageBatches(*self.in_memory("train"), prepare, self.batch_size, self.seed, shuffle=self.shuffle)

    def in_memory(self, part: str) -> tuple[Tensor, Tensor, Tensor]:
        """Return the pixels of all images, and the numbers and the targets of those of a part."""
        assert self.pixels is not None
        (self.pixels,) = on_gpu((self.pixels,), self.trainer)
        rows = self.rows[part]
        return self.pixels, rows, self.labels[rows]

    def evaluation_batches(self, part: str) -> Any:
        """Return a part in order."""
        height, width, channels = self.spec.input_shape
        size = evaluation_batch(EVALUATION_BATCH, 4 * ACTIVATIONS * height * width * max(channels, 4))
        if self.pixels is not None:
            return ImageBatches(*self.in_memory(part), self.prepare(), size, self.seed, shuffle=False)
        return DataLoader(self.files_of(part), size, num_workers=self.workers, collate_fn=self.prepare().collate)

    @property
    def validates(self) -> bool:
        """Whether images are held out for validation."""
        return len(self.rows["val"]) > 0

    def arrays(self, part: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return images (N, H, W, C) and targets of a part as they are: all in memory, or the first 1024."""
        rows = self.rows[part]
        if self.pixels is not None:
            return self.pixels[rows].numpy(force=True), self.labels[rows].numpy()
        rows = rows[:DRAWN]
        some = (pixels_in(self.files[row], self.shape_known)[1] for row in rows.tolist())
        return np.stack(list(some)), self.labels[rows].numpy()

    def training_samples(self) -> tuple[Tensor, Tensor]:
        """Return all training images at once, standardised, for a model that is not trained in steps.

        Raises:
            UserError: they do not fit in memory.
        """
        if self.pixels is None:
            raise UserError(
                f"this model is solved with all images in memory at once, and they take more than data.memory="
                f"{self.memory} GiB: raise that, choose a smaller data.size, or another model"
            )
        rows = self.rows["train"]
        inputs, targets = self.prepare()(self.pixels[rows], self.labels[rows])
        return inputs, targets

    def read_inputs(self, source: Path, spec: DataSpec) -> NewSamples:
        """Return the images of a folder, a file or a table of paths, some at a time, and the names of their files.

        Raises:
            UserError: there is no image.
        """
        from polars import DataFrame

        files, names = new_images(source, self.image or "")
        return NewSamples(len(files), decoded(files, names, self.shape_known, source), DataFrame({FILE: names}))

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint keeps: how images are decoded, and which ones there were."""
        return {"shape": asdict(self.shape_known), "digest": self.digest, "column": self.image or ""}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Look whether the images are those of the checkpoint.

        Raises:
            UserError: they have changed since, so that they would be split in another way.
        """
        self.shape, self.image = ImageShape(**state_dict["shape"]), state_dict["column"] or None
        refuse_changed(self.digest, state_dict["digest"], f"The images of {self.path} have", "images")


def digest_of(names: Sequence[str], digests: Sequence[str]) -> str:
    """Return what tells whether files, or their names, have changed."""
    return hashlib.sha256(
        "\n".join(f"{name} {one}" for name, one in zip(names, digests, strict=True)).encode()
    ).hexdigest()
