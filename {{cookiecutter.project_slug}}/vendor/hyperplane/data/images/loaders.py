"""Loaders of images: from memory, or from their files.

Dimensions: N images, H × W rows and columns, C channels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader

from ...errors import UserError
from ..arrays import Arrays
from ..batches import evaluation_batch, on_gpu
from .augmentation import Augmentation
from .batches import EvenBatches, ImageBatches, ImageFiles, Prepare
from .files import ImageShape, pixels_in
from .parts import DividedImages

EVALUATION_BATCH = 1024  # images; a convolution makes many times their size of them
ACTIVATIONS = 16  # so many times, as is assumed for the size of evaluated batches
DRAWN = 1024  # images of a part that figures see where not all are in memory


class ImageLoaders(DividedImages):
    """Gives out the images of each part in batches, once a subclass has read them."""

    files: Sequence[Path]
    labels: Tensor  # targets of all images
    pixels: Tensor | None  # (N, H, W, C), if they fit in memory
    shape: ImageShape  # what images are brought to, once that is known
    augment: tuple[str, ...]
    memory: float  # GiB
    workers: int

    def load(self) -> Arrays:
        raise NotImplementedError("images are prepared batch by batch")

    def prepare(self, trains: bool = False) -> Prepare:
        """Return what makes batches as a step receives them."""
        changes = None
        if trains and self.augment:
            changes = Augmentation(self.augment, self.shape, self.spec.task, self.spec.output_size)
        return Prepare(self.scaling, self.standardize, changes)

    def files_of(self, part: str) -> ImageFiles:
        """Return the images of a part, to be read from their files."""
        rows = self.rows[part]
        return ImageFiles([self.files[row] for row in rows.tolist()], self.labels[rows], self.shape)

    def train_dataloader(self) -> Any:
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
        height, width, channels = self.spec.input_shape
        size = evaluation_batch(EVALUATION_BATCH, 4 * ACTIVATIONS * height * width * max(channels, 4))
        if self.pixels is not None:
            return ImageBatches(*self.in_memory(part), self.prepare(), size, self.seed, shuffle=False)
        return DataLoader(self.files_of(part), size, num_workers=self.workers, collate_fn=self.prepare().collate)

    def arrays(self, part: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return images (N, H, W, C) and targets of a part as they are: all in memory, or the first 1024."""
        rows = self.rows[part]
        if self.pixels is not None:
            return self.pixels[rows].numpy(force=True), self.labels[rows].numpy()
        rows = rows[:DRAWN]
        some = (pixels_in(self.files[row], self.shape)[1] for row in rows.tolist())
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
