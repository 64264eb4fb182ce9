"""A group of an optimizer's parameters, of all members: what members have in common, and what each has of its own.

Dimensions: M members.
"""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from .muon import MuonUpdate
from .updates import AdamUpdate, RMSpropUpdate, SGDUpdate, Update

Member = Mapping[str, Parameter]  # the parameters of a member, by name
Stacked = Mapping[str, Tensor]  # the same of all members, (M, *shape)

UPDATES: dict[type[Optimizer], type[Update]] = {
    SGD: SGDUpdate,
    Adam: AdamUpdate,
    AdamW: AdamUpdate,
    RMSprop: RMSpropUpdate,
}
if hasattr(torch.optim, "Muon"):
    UPDATES[torch.optim.Muon] = MuonUpdate


def parts(optimizer: Optimizer) -> Sequence[Optimizer]:
    """Return the optimizers of torch that an optimizer is made of: what it names in `parts`, or itself."""
    found = getattr(optimizer, "parts", None)
    return found if isinstance(found, tuple) and all(isinstance(part, Optimizer) for part in found) else (optimizer,)


def layout(optimizer: Optimizer, member: Member) -> list[tuple[Any, ...]] | None:
    """Return what members of a stack have in common: for each group its class, flags and names of parameters.

    None: only the optimizer itself can take its steps.
    """
    names = {id(parameter): name for name, parameter in member.items()}
    found = []
    for part in parts(optimizer):
        update = UPDATES.get(type(part))
        for group in part.param_groups:
            if update is None or any(group.get(key) for key in update.unused):
                return None
            parameters = [parameter for parameter in group["params"] if id(parameter) in names]
            if any(optimizer.state.get(one) for one in group["params"] if id(one) not in names):
                return None  # it was trained before, and may be again
            steps = {steps_of(optimizer.state.get(parameter, {})) for parameter in parameters}
            if len(steps) > 1 or any(isinstance(group[key], Tensor) for key in update.numbers):
                return None
            flags = [group[key] for key in update.flags]
            found.append((update, flags, [names[id(parameter)] for parameter in parameters]))
    return found


def steps_of(state: Mapping[str, Any]) -> int:
    """Return the steps that a parameter has taken by its state; where torch does not count them, whether there are."""
    return int(state["step"]) if "step" in state else int(any(value is not None for value in state.values()))


class Group:
    """A group of parameters of all members, moved together.

    Args:
        update: how.
        names: of its parameters.
        stacked: the parameters, (M, *shape).
        index: of the group within the optimizer and its parts.
    """

    def __init__(self, update: Update, names: Sequence[str], stacked: Stacked, index: int) -> None:
        self.update = update
        self.names = names
        self.index = index
        self.read = itemgetter(*update.numbers)
        self.steps = [0] * len(next(iter(stacked.values())))
        self.buffers = {name: {buffer: torch.zeros_like(stacked[name]) for buffer in update.buffers} for name in names}
        self.place(stacked)

    def place(self, stacked: Stacked) -> None:
        """Take up parameters, and make room for a coefficient of each member."""
        self.stacked = {name: stacked[name] for name in self.names}
        self.numbers: Any = None  # what the members' groups said last
        self.known: Any = None  # what the coefficients were computed of
        self.spread: dict[int, tuple[Tensor, ...]] = {}  # coefficients by the dimensions of a parameter
        if not self.names:
            return
        first = self.stacked[self.names[0]]
        size = len(self.update.coefficients(self.read(self.update.group), 1))
        self.table = torch.zeros(size, len(self.steps), dtype=first.dtype, device=first.device)
        for dimensions in {parameter.dim() for parameter in self.stacked.values()}:
            self.spread[dimensions] = self.table.view(size, -1, *[1] * (dimensions - 1)).unbind()

    def prepare(self, groups: Sequence[Mapping[str, Any]]) -> None:
        """Count a step, and read what the members' groups say now."""
        self.steps = [step + 1 for step in self.steps]
        numbers = [*map(self.read, groups)]
        if numbers == self.numbers and min(self.steps) > self.update.settled:
            self.update.count(self.steps)  # nothing else has changed
            return
        self.numbers = numbers
        self.update.prepare(numbers, self.steps)
        known = [*zip(numbers, [min(step, self.update.settled) for step in self.steps], strict=True)]
        if known != self.known:
            self.known = known
            rows = [self.update.coefficients(*one) for one in zip(numbers, self.steps, strict=True)]
            self.table.copy_(torch.tensor(rows, dtype=torch.float64).T)

    def apply(self, gradients: Mapping[str, Tensor]) -> None:
        """Move the parameters."""
        self.update.apply(
            [
                (parameter, gradient, self.buffers[name], self.spread[parameter.dim()])
                for name, parameter in self.stacked.items()
                if (gradient := gradients.get(name)) is not None
            ]
        )

    def write(self, index: int, optimizer: Optimizer, member: Member, numbers: Sequence[Any]) -> None:
        """Put copies of what is known of a member into the state of its own optimizer."""
        for name in self.names if self.steps[index] else ():
            kept = {buffer: self.buffers[name][buffer][index].clone() for buffer in self.update.saved(numbers)}
            count = {"step": torch.tensor(float(self.steps[index]))} if self.update.counts else {}
            if count or kept:
                optimizer.state[member[name]] = count | kept

    def take(self, index: int, optimizer: Optimizer, member: Member) -> None:
        """Take over the state of a member's own optimizer."""
        self.steps[index] = 0
        self.numbers = None  # members may be at different steps from here on
        for name in self.names:
            state = optimizer.state.get(member[name], {})
            self.steps[index] = steps_of(state)
            for key, buffer in self.buffers[name].items():
                found = state.get(key)
                buffer[index] = 0 if found is None else found
