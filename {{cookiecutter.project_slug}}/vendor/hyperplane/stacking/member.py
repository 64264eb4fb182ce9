"""A member of a stack: a run that does all that a run does, in a thread of its own, but for the steps of its training.

The members take turns, so what a process has once (the generators of random numbers, Hydra's configuration of the job)
is changed with each turn: a member draws as its job alone would.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from hydra.core.hydra_config import HydraConfig
from torch import Tensor

from ..data.generators import set_states, states
from ..turns import Turn
from .batching import tensors_in


class Validated(NamedTuple):
    """A validation of a member, computed with those of the others."""

    metrics: dict[str, Tensor]
    batches: tuple[Any, ...]  # its only batch, as `EpochMetrics.add_many` takes batches
    weights: list[Tensor]  # of the member
    then: list[Tensor]  # what they were

    @property
    def is_current(self) -> bool:
        """Whether nobody has changed the weights since."""
        return all(map(torch.equal, self.weights, self.then))


class Window:
    """The next batches of a member: it waits until it was trained on them.

    Args:
        loop: of the member, over the batches of an epoch.
        batches: on the member's device, each tensor (S, B, ...).
        refusal: why it trains itself for good.
    """

    def __init__(self, loop: Any, batches: Any, refusal: str = "") -> None:
        self.loop = loop
        self.batches = batches
        self.steps = len(next(tensors_in(batches), ()))
        # Of the steps that were taken together: losses (S,), outputs and targets (S, B, ...).
        self.results: list[tuple[Tensor, Tensor, Tensor]] = []
        self.done = 0  # how many of the batches were trained on
        self.is_compared = False  # for it the step was compared anew
        self.trains_itself = False  # the member trains on what is left, as it is alone at its step
        self.refusal = refusal
        self.failure: Exception | None = None  # that ends the member
        # Where the batches are those of a whole epoch, see epoch_end.py:
        self.validation_batch: list[Tensor] | None = None  # of the validation that follows, if all members may share it
        self.is_epoch = False
        self.metrics: dict[str, Tensor] | None = None  # of the steps
        self.validated: Validated | None = None

    @property
    def left(self) -> int:
        """How many were not."""
        return self.steps - self.done

    @property
    def is_over(self) -> bool:
        """Whether there is nothing left to wait for."""
        return not self.left or self.trains_itself or bool(self.refusal) or self.failure is not None

    @property
    def place(self) -> int:
        """The step that the member takes next, counted from 0."""
        place: int = self.loop.global_step + self.done
        return place

    def joined(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the results of all steps that were taken, in one piece."""
        if len(self.results) == 1:
            return self.results[0]
        losses, outputs, targets = (torch.cat(parts) for parts in zip(*self.results, strict=True))
        return losses, outputs, targets


def share(results: Sequence[tuple[Tensor, Tensor, Tensor]], windows: Sequence[Window]) -> tuple[Tensor, Tensor, Tensor]:
    """Give each member its part of what the steps returned, those of a member side by side in memory; return all."""
    losses, outputs, targets = (torch.stack(one, dim=1) for one in zip(*results, strict=True))
    for i, window in enumerate(windows):
        window.results.append((losses[i], outputs[i], targets[i]))
    return losses, outputs, targets


class Member(Turn):
    """A run that takes turns with others."""

    request: Window | None

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self.left_behind = in_process()  # by the last turn; at first, what was there before all members

    def enter(self) -> None:
        """Put back what this member left in the process."""
        put_back(self.left_behind)

    def leave(self) -> None:
        """Keep what this member leaves in the process."""
        self.left_behind = in_process()


def in_process() -> Any:
    """Return what a process has once and a run changes."""
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return HydraConfig.instance().cfg, states(), cuda


def put_back(kept: Any) -> None:
    """Put back what `in_process` returned."""
    HydraConfig.instance().cfg, generators, cuda = kept
    set_states(generators)
    if cuda is not None:
        torch.cuda.set_rng_state_all(cuda)
