"""The batches of all members: gathered from their data step by step, where these are tensors in memory.

    x (N₁ + ... + N_M, ...), the data of all members, one behind the other
    rows (M · B,) of a step  ->  its batch (M, B, ...)

One operation gathers the batch of all members, just before the step looks at it. Gathered member by member for an
epoch, the samples would go through memory three times.

Dimensions: M members, S steps, B batch, N samples.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor

from .batching import map_tensors
from .member import Window, versions_of

MOST = 64 * 2**20  # bytes of data that are joined


class Gathered:
    """Returns the batches of steps; what was joined for the last ones serves for the next, if the data are the same."""

    def __init__(self) -> None:
        self.parts: list[tuple[Tensor, ...]] = []  # of the data that were joined: those of each member
        self.versions: list[tuple[int, int]] = []
        self.joined: list[Tensor] = []
        self.first: list[int] = []  # where those of each member begin

    def of(self, windows: Sequence[Window], steps: int) -> Callable[[int], Any]:
        """Return what returns the batch of a step, each tensor (M, B, ...).

        Args:
            windows: of the members.
            steps: of these, how many; counted from 0.
        """
        if all(window.rows is not None and window.gathered is None for window in windows):
            parts: list[Any] = [window.rows.tensors for window in windows]
            if self.join(parts):
                return self.by_rows(windows, steps)
        batches = map_tensors(
            lambda *tensors: torch.stack(
                [tensor[w.done : w.done + steps] for tensor, w in zip(tensors, windows, strict=True)], dim=1
            ),
            *(window.batches for window in windows),
        )
        return lambda i: map_tensors(itemgetter(i), batches)

    def join(self, parts: list[tuple[Tensor, ...]]) -> bool:
        """Join the data of all members; those that they share, once. Return whether they are joined."""
        versions = versions_of([tensor for part in parts for tensor in part])
        if versions == self.versions:
            return bool(self.joined)
        apart = {tuple(map(id, part)): part for part in parts}
        self.parts, self.versions, self.joined = parts, versions, []
        if sum(tensor.nbytes for part in apart.values() for tensor in part) > MOST:
            return False
        begins, end = {}, 0
        for key, part in apart.items():
            begins[key] = end
            end += len(part[0])
        self.joined = [torch.cat(tensors) for tensors in zip(*apart.values(), strict=True)]
        self.first = [begins[tuple(map(id, part))] for part in parts]
        return True

    def by_rows(self, windows: Sequence[Window], steps: int) -> Callable[[int], list[Tensor]]:
        """Return what gathers the batch of a step from the data of all."""
        orders: Any = [window.rows.order for window in windows]
        rows = torch.stack(
            [
                order[w.done : w.done + steps] + first
                for order, w, first in zip(orders, windows, self.first, strict=True)
            ],
            dim=1,
        )
        size, flat = rows.shape[1:], rows.flatten(1)
        return lambda i: [tensor.index_select(0, flat[i]).unflatten(0, size) for tensor in self.joined]
