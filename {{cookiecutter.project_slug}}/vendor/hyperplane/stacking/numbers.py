"""The numbers in networks and losses, such as a probability of dropout: where they differ, each member has its own.

A step computes with a tensor (M,) in the place of each of these, a value for each member.

Dimensions: M members.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric

from .attributes import LIGHTNINGS
from .swapping import parts

# What every module has, but for its mode.
OF_MODULES = LIGHTNINGS | (vars(nn.Module()).keys() - {"training"})


def computing(task: Any) -> list[tuple[str, nn.Module]]:
    """Return the modules of a task by their names, without metrics: a step that changed one would not be stacked."""
    return [(path, module) for path, module in parts(task) if not isinstance(module, Metric)]


def numbers(task: Any, kinds: tuple[type, ...] = (float, int)) -> dict[tuple[str, str], float]:
    """Return the numbers among the attributes of networks and losses, by module and name."""
    found = ((path, numbers_in(vars(module), kinds)) for path, module in computing(task))
    return {(path, name): value for path, held in found for name, value in held.items()}


def numbers_in(held: dict[str, Any], kinds: tuple[type, ...] = (float, int)) -> dict[str, float]:
    """Return the numbers among attributes."""
    return {name: value for name, value in held.items() if type(value) in kinds and name not in OF_MODULES}


class Numbers:
    """The numbers that differ between members, as tensors (M,).

    Args:
        tasks: of the members.
    """

    def __init__(self, tasks: Sequence[Any]) -> None:
        self.held = [[vars(module) for _, module in computing(task)] for task in tasks]
        self.kept = [[numbers_in(held) for held in modules] for modules in self.held]
        found = [numbers(task) for task in tasks]
        self.names = [key for key in found[0] if any(one.get(key) != found[0][key] for one in found)]
        like = next(tasks[0].parameters())
        rows = [[one[key] for one in found] for key in self.names]
        self.values = [
            torch.tensor(row, dtype=like.dtype if float in map(type, row) else torch.long, device=like.device)
            for row in rows
        ]
        modules = dict(parts(tasks[0]))
        self.places = [(modules[path], name) for path, name in self.names]

    def are_same(self) -> bool:
        """Say whether the numbers of the members are still what they were, in the same modules."""
        return self.kept == [[numbers_in(held) for held in modules] for modules in self.held]

    @contextmanager
    def swapped_to(self, values: Sequence[Tensor]) -> Iterator[None]:
        """Let the first task compute with these tensors inside."""
        own = [getattr(module, name) for module, name in self.places]
        for (module, name), value in zip(self.places, values, strict=True):
            if isinstance(module, nn.Dropout):
                module.forward = partial(dropout, module, value)  # type: ignore[method-assign]
            else:
                setattr(module, name, value)
        try:
            yield
        finally:
            for (module, name), value in zip(self.places, own, strict=True):
                if isinstance(module, nn.Dropout):
                    del module.forward
                setattr(module, name, value)


def dropout(module: nn.Dropout, probability: Tensor, values: Tensor) -> Tensor:
    """Set values to zero with a probability that is a tensor (), and scale the others; torch's own takes a number."""
    if not module.training:
        return values
    kept = torch.rand_like(values) >= probability
    return values * kept / (1 - probability)
