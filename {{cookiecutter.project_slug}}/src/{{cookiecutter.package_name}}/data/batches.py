"""Batches of tensors in memory, in an order that follows from the seed and the epoch alone."""

from collections.abc import Iterator

import torch
from torch import Tensor

GATHERED = 32  # batches that are copied into order at once: one indexing operation instead of one for each batch


class Batches:
    """Iterates over `tensors` (all of the same first dimension) in batches of `batch_size`.

    With a `seed` the samples are shuffled anew in every epoch; without one they stay in order. The last batch holds
    what remains.
    """

    batch_sampler = None  # Lightning asks a loader that has a sampler for this as well

    def __init__(self, tensors: tuple[Tensor, ...], batch_size: int, seed: int | None = None) -> None:
        self.tensors = tensors
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    @property
    def sampler(self) -> "Batches":
        """Lightning calls `sampler.set_epoch` at the start of every epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of `epoch`, counted from 0."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return -(-len(self.tensors[0]) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield one batch after the other, each a tuple of views."""
        if self.seed is None:
            yield from zip(*(tensor.split(self.batch_size) for tensor in self.tensors), strict=True)
            return
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(len(self.tensors[0]), generator=generator)
        for indices in order.split(GATHERED * self.batch_size):
            yield from zip(*(tensor[indices].split(self.batch_size) for tensor in self.tensors), strict=True)
