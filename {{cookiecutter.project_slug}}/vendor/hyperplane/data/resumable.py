"""What Lightning asks of a loader whose epochs follow from their numbers, and can begin in their middle."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Self


class Resumable(ABC):
    """Counts epochs and batches; a subclass returns those of an epoch that are not taken yet."""

    batch_sampler = None  # Lightning asks a loader that has a sampler for this as well

    def __init__(self) -> None:
        self.epoch = 0
        self.taken = 0  # batches of this epoch
        self.skipped = 0  # batches that the next epoch leaves out

    @property
    def sampler(self) -> Self:
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

    def __iter__(self) -> Iterator[Any]:
        self.taken, self.skipped = self.skipped, 0
        return self.remaining()

    @abstractmethod
    def remaining(self) -> Iterator[Any]:
        """Yield the batches of this epoch that are not taken yet, and count them."""
