"""Batches of tensors in memory, in an order that follows from the seed and the epoch alone."""

import math
from collections.abc import Iterator

import torch
from lightning.pytorch import Trainer
from torch import Tensor

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

    Args:
        most: samples of any size.
        sample_bytes: what inputs, targets and outputs of a sample take together.
    """
    return max(1, min(most, EVALUATION_BYTES // max(1, sample_bytes)))


def even_batch(samples: int, most: int) -> int:
    """Return how many samples to train on at once: at most `most`, in as few batches, which are of one size.

    108 samples in batches of 100 and 8 would let each of the 8 weigh as much as twelve others, and one that is left
    over alone has no spread for batch normalisation. The last batch is smaller by less than the number of batches, so
    of many batches it may still be a small one.
    """
    return math.ceil(samples / math.ceil(samples / most)) if samples else most


def aligned(tensor: Tensor) -> Tensor:
    """Return a batch as one that has memory of its own begins, which not every part of a tensor does.

    Products of matrices round by where their values begin, and where a batch lies in what is drawn with it depends on
    whether a run was stopped. Source: Intel, "oneMKL: Conditional Numerical Reproducibility", on aligned arrays.
    """
    return tensor.clone() if tensor.data_ptr() % ALIGNMENT else tensor


def values_of_tokens(spec: DataSpec) -> int:
    """Return about how many values a network makes of the tokens of a sample; 0 of inputs that are no tokens."""
    return math.prod(spec.input_shape) * EMBEDDED if spec.num_tokens else 0


class Batches:
    """Iterates over `tensors` (all of the same first dimension) in batches of `batch_size`.

    With a `seed` the samples are shuffled anew in every epoch, in batches of nearly one size (`even_batch`); without
    one they stay in order, and the last batch holds what remains.
    """

    batch_sampler = None  # Lightning asks a loader that has a sampler for this as well

    def __init__(self, tensors: tuple[Tensor, ...], batch_size: int, seed: int | None = None) -> None:
        self.tensors = tensors
        self.batch_size = even_batch(len(tensors[0]), batch_size) if seed is not None and tensors else batch_size
        self.seed = seed
        self.epoch = 0
        self.taken = 0  # batches of this epoch
        self.skipped = 0  # batches that the next epoch leaves out

    @property
    def sampler(self) -> "Batches":
        """Lightning calls `sampler.set_epoch` at the start of every epoch."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of `epoch`, counted from 0."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, int]:
        """Return how far this epoch is; Lightning keeps it in its checkpoints."""
        return {"taken": self.taken}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Begin the next epoch where the one that `state` is of was left."""
        self.skipped = state["taken"]

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return -(-len(self.tensors[0]) // self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        """Return one batch after the other, each a tuple of views where these begin as a copy would."""
        self.taken, self.skipped = self.skipped, 0
        return self.remaining()

    def remaining(self) -> Iterator[tuple[Tensor, ...]]:
        """Yield the batches of this epoch that are not taken yet."""
        done = self.taken * self.batch_size
        if done >= len(self.tensors[0]):
            return
        if self.seed is None:
            parts = iter([tuple(tensor[done:] for tensor in self.tensors)])
        else:
            chunks = self.order(self.seed)[done:].split(GATHERED * self.batch_size)
            parts = (tuple(tensor[chunk] for tensor in self.tensors) for chunk in chunks)
        for part in parts:
            for batch in zip(*(tensor.split(self.batch_size) for tensor in part), strict=True):
                self.taken += 1
                yield self.complete(tuple(map(aligned, batch)))

    def order(self, seed: int) -> Tensor:
        """Return the numbers of all samples in the order of this epoch."""
        generator = torch.Generator().manual_seed(seed * 1_000_003 + self.epoch)
        return torch.randperm(len(self.tensors[0]), generator=generator).to(self.tensors[0].device)

    def take(self, most: int) -> tuple[Tensor, ...]:
        """Return the next batches of this epoch in one piece: at most `most` of them, all of the same size.

        Returns:
            Each of `tensors` as (batches, batch_size, ...), or the last batch alone (1, what remains, ...).
        """
        start, samples = self.taken * self.batch_size, len(self.tensors[0])
        whole = min(most, (samples - start) // self.batch_size)
        end = start + whole * self.batch_size if whole else samples
        self.taken += max(1, whole)
        if self.seed is None:
            rows = tuple(tensor[start:end] for tensor in self.tensors)
        else:  # four times as fast as `tensor[order]`
            order = self.order(self.seed)[start:end]
            rows = tuple(tensor.index_select(0, order) for tensor in self.tensors)
        return tuple(tensor.unflatten(0, (max(1, whole), -1)) for tensor in rows)

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
