"""Other tensors in the place of a module's parameters and buffers.

torch.func.functional_call does the same, at a cost in every step that grows with the parameters: it looks each name up
anew. Here the places are looked up once.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import is_
from typing import Any

from torch import Tensor, nn

MEASURING = "train_metrics"  # the part of a task that a step does not compute with


def parts(task: Any) -> list[tuple[str, nn.Module]]:
    """Return the modules that a step of a task computes with, by their names; the first is the task itself."""
    return [(name, module) for name, module in task.named_modules() if name.partition(".")[0] != MEASURING]


def tensors_of(task: Any) -> dict[str, Tensor]:
    """Return the parameters and buffers of a task that a step computes with; one that has two names, once."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, module in parts(task):
        for held in (module._parameters, module._buffers):
            for key, tensor in held.items():
                if tensor is not None and id(tensor) not in seen:
                    seen.add(id(tensor))
                    found[f"{name}.{key}".lstrip(".")] = tensor
    return found


class Places:
    """The parameters, buffers and parts that the modules of a task have now.

    Args:
        task: the task.
    """

    def __init__(self, task: Any) -> None:
        modules = [module for _, module in parts(task)]
        self.held: list[dict[str, Any]] = [
            held for module in modules for held in (module._parameters, module._buffers, module._modules)
        ]
        self.kept = [dict(held) for held in self.held]

    def are_same(self) -> bool:
        """Say whether they still have them."""
        return all(
            [*now] == [*kept] and all(map(is_, now.values(), kept.values()))
            for now, kept in zip(self.held, self.kept, strict=True)
        )


class Swapped:
    """Puts other tensors in the places of a task's own.

    Args:
        task: that is called with them.
        names: of the tensors.
    """

    def __init__(self, task: Any, names: Sequence[str]) -> None:
        own = tensors_of(task)
        places: dict[int, list[tuple[dict[str, Any], str]]] = {}
        for _, module in parts(task):
            for held in (module._parameters, module._buffers):
                for key, tensor in held.items():
                    if tensor is not None:
                        places.setdefault(id(tensor), []).append((held, key))
        self.places = [places[id(own[name])] for name in names]
        self.own = [own[name] for name in names]

    @contextmanager
    def to(self, tensors: Sequence[Tensor]) -> Iterator[None]:
        """Let the task compute with these tensors inside."""
        self.put(tensors)
        try:
            yield
        finally:
            self.put(self.own)

    def put(self, tensors: Sequence[Tensor]) -> None:
        """Put a tensor in each of its places."""
        for tensor, places in zip(tensors, self.places, strict=True):
            for held, key in places:
                held[key] = tensor
