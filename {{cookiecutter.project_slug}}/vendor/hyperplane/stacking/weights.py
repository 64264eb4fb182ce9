"""The parameters and buffers of all members: stacked for the steps, and each member's own between them.

A stack computes with tensors (M, *shape). When it hands over to members, their own hold the same values in memory of
their own, as callbacks and checkpoints expect it; when it goes on, it takes over what these have changed.

Dimensions: M members.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from .swapping import Places, tensors_of


class Weights:
    """The tensors that the steps of members compute with.

    Args:
        tasks: of the members.
        unused: names of parameters that the loss does not depend on, which no optimizer moves.
    """

    def __init__(self, tasks: Sequence[Any], unused: Sequence[str]) -> None:
        self.own = [tensors_of(task) for task in tasks]
        self.stacked = {name: torch.stack([own[name].detach() for own in self.own]) for name in self.own[0]}
        self.unused = unused
        self.trained = self.trained_of(self.own[0])
        self.places = [Places(task) for task in tasks]
        self.each = [tensor for own in self.own for tensor in own.values()]
        self.views = [tensor[i] for i in range(len(tasks)) for tensor in self.stacked.values()]

    def trained_of(self, own: dict[str, Tensor]) -> list[str]:
        """Return the names of the tensors of a member that are trained."""
        return [name for name in own if own[name].requires_grad and name not in self.unused]

    def are_same(self) -> bool:
        """Say whether members still have these tensors, and train the same: a callback may replace or unfreeze some."""
        return all(map(Places.are_same, self.places)) and all(self.trained_of(own) == self.trained for own in self.own)

    @torch.no_grad()
    def take(self) -> None:
        """Take over the values that members have."""
        torch._foreach_copy_(self.views, self.each)

    @torch.no_grad()
    def give(self) -> None:
        """Give members the values that the steps have come to."""
        self.unbind()
        torch._foreach_copy_(self.each, self.views)

    def unbind(self) -> None:
        """Let members have memory of their own: a checkpoint of a view would hold the tensors of all members."""
        for tensor in self.each:
            if tensor.untyped_storage().nbytes() != tensor.nbytes:
                tensor.data = tensor.data.clone()
