"""Numbers within networks and losses that differ between members, such as a probability of dropout.

Where they differ, a step computes with a tensor in their place, and each member with its own.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from .attributes import LIGHTNINGS
from .swapping import parts


def floats(task: Any) -> dict[tuple[str, str], float]:
    """Return the real numbers among the attributes of networks and losses, by module and name."""
    return {(path, name): value for path, module in parts(task) for name, value in floats_in(vars(module)).items()}


def floats_in(held: dict[str, Any]) -> dict[str, float]:
    """Return the real numbers among attributes."""
    return {name: value for name, value in held.items() if type(value) is float}


def choices(task: Any) -> dict[tuple[str, str], Any]:
    """Return the words, whole numbers and switches among the attributes, which a step may branch on."""
    return {
        (path, name): value
        for path, module in parts(task)
        for name, value in vars(module).items()
        if type(value) in (int, bool, str) and name not in LIGHTNINGS
    }


class Numbers:
    """The numbers that differ between members, as tensors (M,).

    Args:
        tasks: of the members.
    """

    def __init__(self, tasks: Sequence[Any]) -> None:
        self.held = [[vars(module) for _, module in parts(task)] for task in tasks]
        self.kept = [[floats_in(held) for held in modules] for modules in self.held]
        found = [floats(task) for task in tasks]
        self.names = [key for key in found[0] if any(one.get(key) != found[0][key] for one in found)]
        like = next(tasks[0].parameters())
        kind = {"dtype": like.dtype, "device": like.device}
        self.values = [torch.tensor([one[key] for one in found], **kind) for key in self.names]
        modules = dict(parts(tasks[0]))
        self.places = [(modules[path], name) for path, name in self.names]

    def are_same(self) -> bool:
        """Say whether the numbers of the members are still what they were, in the same modules."""
        return self.kept == [[floats_in(held) for held in modules] for modules in self.held]

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
                vars(module).pop("forward", None)
                setattr(module, name, value)


def dropout(module: nn.Dropout, probability: Tensor, values: Tensor) -> Tensor:
    """Set values to zero with a probability that is a tensor (), and scale the others; torch's own takes a number."""
    if not module.training:
        return values
    kept = torch.rand_like(values) >= probability
    return values * kept / (1 - probability)
