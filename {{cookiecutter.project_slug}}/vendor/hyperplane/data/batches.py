"""Batches of tensors in memory, in an order that follows from the seed and the epoch alone."""

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple, Self

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from .resumable import Resumable
from .spec import DataSpec

ALIGNMENT = 64  # bytes; where torch lets tensors begin
EMBEDDED = 256  # values that a network makes of a token, about
GATHERED = 32  # batches that are copied into order at once: one indexing operation instead of one for each batch
EVALUATION_BYTES = 64 * 2**20  # of inputs, targets and outputs that are evaluated at once
GPU_SHARE = 0.1  # of a GPU's free memory that data may take; batches in their order take as much again


def on_gpu(tensors: tuple[Tensor, ...], trainer: Trainer | None) -> tuple[Tensor, ...]:
    """Return data where they are computed with: moved to the GPU of a training, if it has one and they fit well."""
    device = trainer.strategy.root_device if trainer is not None else torch.device("cpu")
    if device.type != "cuda":
        return tensors
    free, _ = torch.cuda.mem_get_info(device)
    fits = sum(tensor.nbytes for tensor in tensors) <= GPU_SHARE * free
    return tuple(tensor.to(device) for tensor in tensors) if fits else tensors


def evaluation_batch(most: int, sample_bytes: int) -> int:
    """Return how many samples to evaluate at once: `most`, fewer where they are large, at least one.

    `sample_bytes` is what inputs, targets and outputs of a sample take together.
    """
    return max(1, min(most, EVALUATION_BYTES // max(1, sample_bytes)))


class Cut(NamedTuple):
    """How samples are cut into batches: the first `larger` ones hold `size` samples, those behind them fewer."""

    samples: int
    size: int
    larger: int

    @classmethod
    def full(cls, samples: int, size: int) -> Self:
        """Return full batches, and a last one that holds what remains."""
        return cls(samples, size, samples // size)

    @classmethod
    def even(cls, samples: int, most: int) -> Self:
        """Return as few batches of at most `most` samples as there can be; their sizes differ by one at most.

        108 samples in batches of 100 and 8 would let each of the 8 weigh as much as twelve others, and one that is left
        over alone has no spread for batch normalisation.
        """
        count = math.ceil(samples / most)
        size = math.ceil(samples / count) if count else most
        return cls(samples, size, samples - (size - 1) * count)

    @property
    def number(self) -> int:
        """The number of batches."""
        return -(-self.samples // self.size)

    def starts(self, first: int = 0, number: int | None = None) -> list[int]:
        """Return where batches begin, and the last of them ends: `number` of them from `first` on, or all."""
        last = self.number if number is None else first + number
        return [min(b * self.size - max(0, b - self.larger), self.samples) for b in range(first, last + 1)]


def aligned(tensor: Tensor) -> Tensor:
    """Return a batch as one that has memory of its own begins, which not every part of a tensor does.

    Products of matrices round by where their values begin, and where a batch lies in what is drawn with it depends on
    whether a run was stopped. Source: Intel, "oneMKL: Conditional Numerical Reproducibility", on aligned arrays.
    """
    return tensor.clone() if tensor.data_ptr() % ALIGNMENT else tensor


def values_of_tokens(spec: DataSpec) -> int:
    """Return about how many values a network makes of the tokens of a sample; 0 of inputs that are no tokens."""
    return math.prod(spec.input_shape) * EMBEDDED if spec.num_tokens else 0


class Batches(Resumable):
    """Iterates over `tensors` (all of the same first dimension) in batches of `batch_size`.

    With a `seed` the samples are shuffled anew in every epoch, in even batches; without one they stay in order,
    and the last batch holds what remains.
    """

    def __init__(self, tensors: tuple[Tensor, ...], batch_size: int, seed: int | None = None) -> None:
        super().__init__()
        self.tensors = tensors
        self.seed = seed
        self.cut = (Cut.full if seed is None else Cut.even)(self.count_samples(), batch_size)

    def count_samples(self) -> int:
        return len(self.tensors[0])

    @property
    def batch_size(self) -> int:
        """Samples in a batch, at most."""
        return self.cut.size

    def __len__(self) -> int:
        return self.cut.number

    def remaining(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield the batches of this epoch that are not taken yet, each a tuple of views where these begin as a copy."""
        starts = self.cut.starts(self.taken)
        order = None if self.seed is None else self.order(self.seed)
        for first in range(0, len(starts) - 1, GATHERED):
            some = starts[first : first + GATHERED + 1]
            rows = slice(some[0], some[-1])
            sizes = [end - start for start, end in pairwise(some)]
            drawn = [tensor[rows] if order is None else tensor.index_select(0, order[rows]) for tensor in self.tensors]
            for batch in zip(*(tensor.split(sizes) for tensor in drawn), strict=True):
                self.taken += 1
                yield self.complete(tuple(map(aligned, batch)))

    def order(self, seed: int) -> Tensor:
        """Return the numbers of all samples in the order of this epoch."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + self.epoch)
        return torch.randperm(len(self.tensors[0]), generator=generator).to(self.tensors[0].device)

    def take(self, most: int) -> tuple[Tensor, ...]:
        """Return the next batches of this epoch in one piece: at most `most` of them, all of the same size.

        Returns:
            Each of `tensors` as (batches, samples of each, ...).
        """
        alike = (self.cut.larger if self.taken < self.cut.larger else self.cut.number) - self.taken
        number = max(1, min(most, alike))
        start, *_, end = self.cut.starts(self.taken, number)
        self.taken += number
        if self.seed is None:
            rows = tuple(tensor[start:end] for tensor in self.tensors)
        else:  # four times as fast as `tensor[order]`
            order = self.order(self.seed)[start:end]
            rows = tuple(tensor.index_select(0, order) for tensor in self.tensors)
        return tuple(tensor.unflatten(0, (number, -1)) for tensor in rows)

    def complete(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Return what a step receives of the samples that were drawn; a subclass makes more of them.

        So a data set keeps little and hands out much: `tensors` may be places in a text that is kept once.

            class Texts(Batches):
                def __init__(self, text, length, batch_size, seed=None):
                    super().__init__((torch.arange(len(text) - length),), batch_size, seed)
                    self.text, self.length = text, length

                def complete(self, batch):
                    (starts,) = batch
                    window = self.text[starts[:, None] + torch.arange(self.length + 1)]
                    return window[:, :-1], window[:, 1:]  # each token, and the one after it

        A run that goes on sees the same batches as one that never stopped, as long as nothing but `batch`, `seed`,
        `epoch` and `taken` (batches of this epoch, this one among them) decides what is returned.

        Args:
            batch: the rows of each of `tensors` that were drawn (batch_size, ...), fewer in the last batch.
        """
        return batch
