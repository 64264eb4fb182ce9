"""The optimizers of all members as one: a step is a few operations on stacked tensors, however many members there are.

Each member brings its own optimizer, built as its job alone would build it. What a schedule writes into that
optimizer's `param_groups` is read at every step, and a member's state is in torch's own format.

    optimizer = stack_optimizers(optimizers, members, stacked)
    optimizer.step(gradients)               # {name: (M, *shape)}
    optimizer.write(2)                      # optimizers[2].state_dict() is what it would be, had it trained alone

Dimensions: M members.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from .groups import Group, Member, Stacked, layout, parts


class BatchedOptimizer:
    """Moves the parameters of all members together."""

    def __init__(self, optimizers: Sequence[Optimizer], members: Sequence[Member], stacked: Stacked) -> None:
        self.optimizers = list(optimizers)
        self.members = list(members)
        self.has_stepped = False
        found = layout(optimizers[0], members[0])
        assert found is not None
        dicts = self.groups_of(optimizers[0])
        self.groups = [
            Group(update(dicts[i]), names, stacked, i) for i, (update, _, names) in enumerate(found) if names
        ]
        self.dicts: list[list[dict[str, Any]]] = [[{} for _ in members] for _ in self.groups]
        self.left: list[Any] = [None] * len(self.members)
        self.take()
        bind(self.members, stacked)

    @staticmethod
    def groups_of(optimizer: Optimizer) -> list[dict[str, Any]]:
        """Return the groups of an optimizer and its parts."""
        return [group for part in parts(optimizer) for group in part.param_groups]

    @torch.no_grad()
    def take(self) -> None:
        """Take over the states of the members' own optimizers: then those that a callback has set anew."""
        for index in range(len(self.members)):
            self.take_of(index)

    def take_of(self, index: int) -> None:
        """Take over the state of a member.

        An empty entry is left in its place, by which that is seen. Where a callback loads a state, the groups with the
        rates are others too.
        """
        optimizer, member = self.optimizers[index], self.members[index]
        found = self.groups_of(optimizer)
        for group, dicts in zip(self.groups, self.dicts, strict=True):
            dicts[index] = found[group.index]
        if optimizer.state is self.left[index] and optimizer.state:
            return
        for group in self.groups:
            group.take(index, optimizer, member)
        optimizer.state.clear()
        optimizer.state[next(iter(member.values()))] = {}
        self.left[index] = optimizer.state

    def step(self, gradients: Mapping[str, Tensor]) -> None:
        """Change the stacked parameters in place."""
        self.prepare()
        self.apply(gradients)

    def prepare(self) -> None:
        """Count a step, and read rates."""
        if not self.has_stepped:
            self.has_stepped = True
            for optimizer in self.optimizers:
                optimizer.zero_grad()
                optimizer.step()  # without gradients it changes nothing: a schedule warns if it is never called
        for group, dicts in zip(self.groups, self.dicts, strict=True):
            group.prepare(dicts)

    @torch.no_grad()
    def apply(self, gradients: Mapping[str, Tensor]) -> None:
        """Move the parameters, with operations on tensors alone."""
        for group in self.groups:
            group.apply(gradients)

    @torch.no_grad()
    def write(self, member: int) -> None:
        """Put copies of what is known of a member into the state of its own optimizer, but what was set anew there."""
        self.take_of(member)
        self.optimizers[member].state.clear()
        for group, dicts in zip(self.groups, self.dicts, strict=True):
            group.write(member, self.optimizers[member], self.members[member], group.read(dicts[member]))


class MemberwiseOptimizer:
    """Lets the optimizer of each member move its own parameters, one after the other: for any optimizer of torch."""

    def __init__(self, optimizers: Sequence[Optimizer], members: Sequence[Member], stacked: Stacked) -> None:
        self.optimizers = list(optimizers)
        self.members = list(members)
        bind(self.members, stacked)
        for optimizer in self.optimizers:
            optimizer.zero_grad()  # also of what is no longer trained

    def step(self, gradients: Mapping[str, Tensor]) -> None:
        """Change the stacked parameters in place."""
        for index, (optimizer, member) in enumerate(zip(self.optimizers, self.members, strict=True)):
            for name, parameter in member.items():
                gradient = gradients.get(name)
                parameter.grad = None if gradient is None else gradient[index]
            optimizer.step()

    def take(self) -> None:
        """Do nothing: a member's state is in its own optimizer."""

    def write(self, member: int) -> None:
        """Do nothing, for the same reason."""


StackedOptimizer = BatchedOptimizer | MemberwiseOptimizer


def stack_optimizers(optimizers: Sequence[Optimizer], members: Sequence[Member], stacked: Stacked) -> StackedOptimizer:
    """Return the optimizers of all members as one.

    From here on the parameters of members are views of the stacked tensors. Their optimizers are not stepped any more;
    a state that they have loaded is taken over.

    Args:
        optimizers: of each member, over its own parameters. One that is made of several of torch.optim names them in
            `parts`, a tuple; they share its groups and its state.
        members: the parameters of each member by name: those that its optimizer was built with.
        stacked: the same of all members (M, *shape), which a step changes in place.
    """
    layouts = [layout(*one) for one in zip(optimizers, members, strict=True)]
    if layouts[0] is None or any(one != layouts[0] for one in layouts):
        return MemberwiseOptimizer(optimizers, members, stacked)
    return BatchedOptimizer(optimizers, members, stacked)


def bind(members: Sequence[Member], stacked: Stacked) -> None:
    """Make the parameters of members views of the stacked tensors."""
    for index, member in enumerate(members):
        for name, parameter in member.items():
            parameter.data = stacked[name][index]
