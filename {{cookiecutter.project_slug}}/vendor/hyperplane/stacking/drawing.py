"""The batches of a member, many at once, as its job alone would draw them.

Dimensions: S steps, B batch.
"""

from typing import Any

import torch
from torch import Tensor

from ..data.batches import Batches, aligned
from .batching import map_tensors, shapes


class Drawn:
    """Draws the batches of an epoch for a member, and takes back those that were not trained on.

    It stands in for Lightning's fetcher where a batch that was taken back is trained on by the member alone.

    Args:
        fetcher: Lightning's, of the epoch.
    """

    def __init__(self, fetcher: Any) -> None:
        self.fetcher = fetcher
        (self.loader,) = fetcher.combined_loader.flattened
        self.returned: list[Any] = []  # batches, in their order
        self.at_end = False  # the fetcher was, when batches were taken back
        self.are_tuples = True  # the batches are
        self.failure: Exception | None = None  # of the batch that comes after those that were drawn

    @property
    def done(self) -> bool:
        """Whether the last batch of the epoch was drawn."""
        return bool(self.fetcher.done)

    def __next__(self) -> Any:
        """Return the next of the batches that were taken back, as a fetcher does."""
        batch = self.returned.pop(0)
        self.count(1)
        self.fetcher.done = self.at_end and not self.returned
        return batch, 0, 0

    def draw(self, most: int) -> Any:
        """Return the next batches, at most `most`, all of the same shapes: each tensor is (S, B, ...).

        None: the next batch is more than tensors in lists, tuples and dictionaries, and the member has to train on it.

        Raises:
            StopIteration: there is none.
        """
        if takes_many(self.loader) and not self.returned:
            before = self.loader.taken
            if self.fetcher.done:
                raise StopIteration
            many = list(self.loader.take(most))
            self.loader.taken = before
            self.count(len(many[0]))
            return many
        batches = [self.next_one()]
        if not is_tree(batches[0]):
            self.take_back(batches.pop(), 1)
            return None
        while len(batches) < most and not self.done:
            try:
                batches.append(self.next_one())
            except Exception as error:  # first comes training on those before, as in the job alone
                self.failure = error
                break
            if not is_tree(batches[-1]) or shapes(batches[-1]) != shapes(batches[0]):
                self.take_back(batches.pop(), 1)
                break
        self.are_tuples = type(batches[0]) is tuple
        many = map_tensors(lambda *tensors: torch.stack(tensors), *batches)
        return list(many) if self.are_tuples else many

    def next_one(self) -> Any:
        """Return the next batch."""
        if self.failure is not None and not self.returned:
            raise self.failure
        batch, _, _ = next(self) if self.returned else next(self.fetcher)
        return batch

    def take_back(self, batch: Any, number: int, many: bool = False) -> None:
        """Take back the last `number` batches that were drawn, as if they had not been.

        Args:
            batch: one, or, if they are `many`, the batches as they were drawn, (S, B, ...).
            number: how many.
            many: whether they come as they were drawn.
        """
        self.at_end |= self.done
        self.count(-number)
        self.fetcher.done = False
        if many:
            parts = [map_tensors(lambda tensor, i=i: aligned(tensor[i]), batch) for i in range(-number, 0)]
            self.returned[:0] = [tuple(part) for part in parts] if self.are_tuples else parts
        else:
            self.returned.insert(0, batch)

    def count(self, number: int) -> None:
        """Move what Lightning and the loader count by a number of batches."""
        self.fetcher.fetched += number
        if self.fetcher.length is not None:
            self.fetcher.done = self.fetcher.fetched >= self.fetcher.length
        if hasattr(self.loader, "taken"):
            self.loader.taken += number


def is_tree(batch: Any) -> bool:
    """Say whether a batch is tensors, numbers and words, in lists, tuples and dictionaries, and nothing else."""
    if isinstance(batch, Tensor):
        return batch.layout is torch.strided and not batch.is_nested
    if type(batch) in (list, tuple, dict):
        return all(map(is_tree, batch.values() if isinstance(batch, dict) else batch))
    return isinstance(batch, bool | int | float | str | None)


def takes_many(loader: Any) -> bool:
    """Say whether a loader can gather many batches in one operation."""
    kind = type(loader)
    return isinstance(loader, Batches) and (kind.remaining, kind.complete) == (Batches.remaining, Batches.complete)
