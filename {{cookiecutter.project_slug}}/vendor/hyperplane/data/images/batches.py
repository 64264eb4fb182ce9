"""Batches of images: from memory, or read by workers. Pixels become what a step receives a batch at a time.

Dimensions: N images, B batch, H × W rows and columns, C channels.
"""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset, RandomSampler, Sampler

from ...errors import UserError
from ..arrays import Samples
from ..batches import Batches, Cut
from ..generators import APART, SEEDS, Generators
from ..scaling import Scaling
from .augmentation import Augmentation
from .files import ImageShape, Unreadable, pixels_in


class Prepare:
    """Makes of images (B, H, W, C), as they are kept, and of targets what a step receives.

    The scaling is copied, as the one of the task goes to the GPU with it. `changes` draw from torch's generator.
    """

    def __init__(self, scaling: Scaling, standardize: bool, changes: Augmentation | None) -> None:
        self.scaling = copy.deepcopy(scaling)
        self.standardize = standardize
        self.changes = changes

    def __call__(self, pixels: Tensor, targets: Tensor) -> Samples:
        """Return images float32, and targets."""
        self.scaling.to(pixels.device)
        if self.changes is not None:
            pixels, targets = self.changes(pixels, targets)
        if not self.standardize:
            return pixels.float(), targets.float() if targets.is_floating_point() else targets
        return self.scaling(pixels), self.scaling.scale_targets(targets)

    def collate(self, samples: Sequence[tuple[Tensor, Tensor]]) -> Samples:
        pixels, targets = zip(*samples, strict=True)
        return self(torch.stack(pixels), torch.stack(targets))


class ImageBatches(Batches):
    """Batches of images in memory.

    `pixels` are those of all images (N, H, W, C), `rows` the numbers of the images of this part. The order and all
    changes follow from the seed, the epoch and the number of the batch.
    """

    def __init__(
        self, pixels: Tensor, rows: Tensor, targets: Tensor, prepare: Prepare, batch_size: int, seed: int, shuffle: bool
    ) -> None:
        super().__init__((rows, targets), batch_size, seed if shuffle else None)
        self.pixels = pixels
        self.prepare = prepare
        self.seed_of_changes = seed

    def complete(self, batch: Samples) -> Samples:
        """Return the images of a batch, changed if they are to be, and their targets."""
        rows, targets = (tensor.to(self.pixels.device) for tensor in batch)
        pixels = self.pixels[rows]
        if self.prepare.changes is None:
            return self.prepare(pixels, targets)
        seed = ((self.seed_of_changes * APART + self.epoch) * APART + self.taken) % SEEDS
        with Generators(seed).in_use():
            return self.prepare(pixels, targets)


@dataclass(frozen=True, eq=False)
class ImageFiles(Dataset[tuple[Tensor, Tensor]]):
    """Images, with their targets, that are read when they are asked for."""

    files: Sequence[Path]
    targets: Tensor
    shape: ImageShape

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Return an image (H, W, C), and its target.

        Raises:
            UserError: its file cannot be read any more.
        """
        try:
            _, pixels = pixels_in(self.files[number], self.shape)
        except Unreadable as error:
            raise UserError(f"{self.files[number]} could be read when the run began, but not now: {error}") from None
        return torch.from_numpy(pixels), self.targets[number]


class EvenBatches(Sampler[list[int]]):
    """The numbers of images in a random order, in even batches of at most `most`."""

    def __init__(self, images: ImageFiles, most: int) -> None:
        self.order = RandomSampler(images)
        self.cut = Cut.even(len(images), most)

    def __len__(self) -> int:
        return self.cut.number

    def __iter__(self) -> Iterator[list[int]]:
        order = list(self.order)
        for start, end in pairwise(self.cut.starts()):
            yield order[start:end]
