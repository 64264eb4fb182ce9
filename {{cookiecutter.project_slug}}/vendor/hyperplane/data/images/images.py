"""Your own images: a folder with one folder a class, or a CSV or Parquet file of paths and targets.

They are decoded and brought to one size when a run starts. What fits is kept in memory; otherwise workers read the
files in every epoch.

Dimensions: N images, H × W rows and columns, C channels (1 grey, 3 red, green and blue), K target values.
"""

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

from ...errors import UserError
from ...paths import expanded, must_exist
from ...processes.cores import cores_for_this_job
from ...setting_types import Distinct, Excludes, InnerFraction
from ..arrays import count_classes, means_of
from ..class_folders import of_folder
from ..columns.names import as_names
from ..folds import strata
from ..lazy_polars import pl
from ..new_samples import NewSamples
from ..parts import refuse_changed, sizes, warn_of_absent
from ..scaling import Scaling, moments
from ..spec import DataSpec
from .augmentation import require_kornia
from .decoding import decoded
from .endings import IMAGES
from .files import ImageShape
from .listing import Listing, of_table
from .loaders import ImageLoaders
from .parts import leaks
from .paths import new_images
from .reading import Asked, Read, digest_of, read_all

FILE = "file"  # the column with the names of images beside predictions


class Images(ImageLoaders):
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
        batch_size: PositiveInt = 32,  # images in a training batch, at most
        **options: Any,
    ) -> None:
        super().__init__(standardize=standardize, batch_size=batch_size, **options)
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
        self.rows = {}
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
        self.caveats += [f"{twice} of {len(parts['test'])} test images are also in train or val"] * bool(twice)
        self.files, self.names = listing.files, listing.names
        self.digest = digest_of(listing.names, read.digests)
        self.rows = {part: torch.from_numpy(rows) for part, rows in parts.items()}
        self.labels = torch.from_numpy(encoded.values)
        self.pixels = None if read.pixels is None else torch.from_numpy(read.pixels)
        trained = self.labels[self.rows["train"]]
        spec = DataSpec(input_shape=read.shape.size, train_size=len(trained), **encoded.of_spec(self.targets))
        counts, means = count_classes(trained, spec), means_of(trained, spec)
        self.spec = replace(spec, class_counts=counts, target_means=means)
        warn_of_absent(trained, self.spec, "image")
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
        listing = Listing(*of_folder(self.path, IMAGES, columns | {"split_column": self.split_column}, self.task))
        if listing.parts is not None and self.folds is not None:
            raise UserError(f"{self.path} has folders that say which images are the test: data.folds must be null")
        return listing

    def fit_to(self, read: Read, rows: NDArray[np.int64], targets: Tensor) -> None:
        """Take mean and spread of each channel over all pixels of the training images, in float64."""
        self.scaling = Scaling(self.spec)
        if not self.standardize:
            return
        mean, std = read.moments(rows)
        self.scaling.input_mean = mean.expand(self.spec.input_shape).clone()
        self.scaling.input_std = std.expand(self.spec.input_shape).clone()
        if self.spec.task == "regression":
            self.scaling.target_mean, self.scaling.target_std = moments(targets)

    def describe(self, headers: Sequence[Any]) -> None:
        height, width, channels = self.shape.size
        heights, widths = zip(*((header.height, header.width) for header in headers), strict=True)
        found = f"{min(heights)} to {max(heights)} × {min(widths)} to {max(widths)}"
        chosen = "" if self.size else "; data.size= says another size"
        same = {(height, width)} == set(zip(heights, widths, strict=True))
        size = f"{height} × {width} pixels{'' if same else f' (from {found}, stretched{chosen})'}"
        colours = "grey" if channels == 1 else "red, green and blue"
        logger.info("{}: {} images, {}, {}", self.path, len(self.files), size, colours)
        kept = f"more than data.memory={self.memory} GiB, so {self.workers} workers read them in every epoch"
        if self.pixels is not None:
            kept = f"{self.pixels.nbytes / 2**20:.0f} MiB in memory"
        logger.info("images{}: {}; {}", self.of_fold, sizes(self.rows), kept)
        frames = sum(header.frames > 1 for header in headers)
        if frames:
            logger.warning("Images with several frames: {}. Only the first frame of each is used.", frames)

    def read_inputs(self, source: Path, spec: DataSpec) -> NewSamples:
        """Return the images of a folder, a file or a table of paths, some at a time, and the names of their files."""
        files, names = new_images(source, self.image or "")
        return NewSamples(len(files), decoded(files, names, self.shape, source), pl.DataFrame({FILE: names}))

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint keeps: how images are decoded, and which ones there were."""
        return {"shape": asdict(self.shape), "digest": self.digest, "column": self.image or ""}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what a checkpoint keeps; refuse images that have changed since: they would be split anew."""
        self.shape, self.image = ImageShape(**state_dict["shape"]), state_dict["column"] or None
        refuse_changed(self.digest, state_dict["digest"], f"The images of {self.path} have", "images")
