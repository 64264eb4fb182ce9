"""What a step changes in Python: a stack computes with the modules of one member, and would change those only.

Parameters and buffers that a step changes in place are those of all members. A count in Python (`self.calls += 1`), a
list that grows, a mean that is no buffer, or a new tensor in the place of a buffer would be those of the first member.
"""

import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn

from .swapping import parts, tensors_of

PLAIN = (bool, int, float, complex, str, bytes)
LIBRARIES = {"torch", "lightning"}  # whose objects are not looked into
LIGHTNINGS = vars(LightningModule()).keys() - vars(nn.Module()).keys()  # where a task's trainer takes notes


class ChangesAttributes(Exception):
    """A step changes what its modules hold, other than in place."""


class Attributes:
    """What the modules of a task hold now, by containers: their attributes, the lists and objects among these.

    Args:
        task: whose step may change them.
    """

    def __init__(self, task: Any) -> None:
        self.kept = [(name, container, copied(container)) for name, container in containers(task)]
        trained = {id(tensor) for tensor in tensors_of(task).values()}
        found = {id(value): value for _, _, kept in self.kept for value in values(kept)}
        free = [value for key, value in found.items() if isinstance(value, Tensor) and key not in trained]
        self.tensors = [(tensor, tensor.detach().clone()) for tensor in free]
        self.generators = [(one, one.get_state()) for one in found.values() if isinstance(one, torch.Generator)]

    def check(self) -> None:
        """Compare what the modules hold with what they held.

        Raises:
            ChangesAttributes: it is something else.
        """
        for name, container, kept in self.kept:
            now = copied(container)
            if [*map(plain, values(now))] != [*map(plain, values(kept))] or (
                isinstance(now, dict) and [*now] != [*kept]
            ):
                raise ChangesAttributes(f"it changes {named(name, now, kept)} in Python, for one member only")
        if not all(same(tensor, kept) for tensor, kept in self.tensors):
            raise ChangesAttributes("it changes a tensor that is no buffer of its module, for one member only")
        if not all(torch.equal(one.get_state(), kept) for one, kept in self.generators):
            raise ChangesAttributes("it draws from a generator of its own, for one member only")

    def put_back(self) -> None:
        """Let the modules hold again what they held."""
        for _, container, kept in self.kept:
            if isinstance(container, dict):
                for key in copied(container).keys() - kept.keys():
                    del container[key]
                container.update(kept)
            elif isinstance(kept, dict):  # a class, or an object with slots
                of, now = (type if isinstance(container, type) else object), copied(container)
                for key in now.keys() - kept.keys():
                    of.__delattr__(container, key)
                for key, value in kept.items():
                    if key not in now or now[key] is not value:
                        of.__setattr__(container, key, value)  # also of one that is frozen
            else:
                container.clear()
                container.extend(kept) if isinstance(container, list | deque) else container.update(kept)
        for tensor, kept in self.tensors:
            tensor.data.copy_(kept)
        for one, state in self.generators:
            one.set_state(state)


def containers(task: Any) -> Iterator[tuple[str, Any]]:
    """Yield what can be changed in the modules of a task, by names; first their classes, and the files of these."""
    for owner in dict.fromkeys(owner for _, module in parts(task) for owner in type(module).__mro__):
        if owner.__module__.partition(".")[0] not in LIBRARIES:  # what is in the values here, such as caches, is free
            yield owner.__name__, owner
            yield owner.__module__, getattr(sys.modules.get(owner.__module__), "__dict__", {})
    seen: set[int] = set()
    waiting = [(name, vars(module)) for name, module in parts(task)]
    while waiting:
        name, container = waiting.pop(0)
        if id(container) not in seen:
            seen.add(id(container))
            yield name, container
            inner = copied(container)
            of = inner.items() if isinstance(inner, dict) else enumerate(inner)
            waiting += [(f"{name}.{key}", held) for key, value in of if (held := holding(value)) is not None]


def holding(value: Any) -> Any:
    """Return the container that a value is or, if it is an object, has; None: it is neither, or a library's."""
    if isinstance(value, dict | list | deque | set):
        return value
    if isinstance(value, type | ModuleType | nn.Module) or type(value).__module__.partition(".")[0] in LIBRARIES:
        return None
    found = getattr(value, "__dict__", None)
    return found if type(found) is dict else value if fields(value) else None


def fields(value: Any) -> dict[str, Any]:
    """Return what an object holds, in its `__dict__` and in the `__slots__` of its classes."""
    state = object.__getstate__(value)
    found = state if isinstance(state, tuple) else (state,)
    return {name: held for one in found if one for name, held in one.items()}


def copied(container: Any) -> Any:
    """Return what a container holds now, but for what Lightning and Python keep there."""
    if isinstance(container, dict | type):
        held = container if isinstance(container, dict) else vars(container)
        return {key: value for key, value in held.items() if key not in LIGHTNINGS and str(key)[:2] != "__"}
    return type(container)(container) if isinstance(container, list | deque | set) else fields(container)


def values(container: Any) -> list[Any]:
    """Return the values in a container."""
    return [*container.values()] if isinstance(container, dict) else [*container]


def plain(value: Any) -> Any:
    """Return what two values have in common if they are the same: a number or a word by its value, else by identity."""
    return (type(value), value) if isinstance(value, PLAIN) else id(value)


def same(one: Tensor, other: Tensor) -> bool:
    """Say whether two tensors hold the same values; NaN is the same as NaN."""
    if torch.equal(one, other):
        return True
    return one.shape == other.shape and bool(((one == other) | (one.isnan() & other.isnan())).all())


def named(name: str, now: Any, kept: Any) -> str:
    """Return the name of what has changed: that of the attribute, or of the container."""
    if isinstance(now, dict):
        other = [key for key in {**kept, **now} if plain(now.get(key)) != plain(kept.get(key))]
        name = f"{name}.{other[0]}" if other else name
    shown = [word for word in name.split(".") if word not in ("_buffers", "_parameters", "_modules", "")]
    return ".".join(shown)


@contextmanager
def as_they_were(tasks: Sequence[Any], evaluating: bool = False) -> Iterator[Attributes]:
    """Undo what a step changes in networks and losses: the statistics of a batch, attributes of the first task."""
    attributes = Attributes(tasks[0])
    kept = [{name: tensor.detach().clone() for name, tensor in tensors_of(task).items()} for task in tasks]
    modes = [{module: module.training for module in task.modules()} for task in tasks]
    for task in tasks:
        if evaluating:
            task.eval()
    try:
        yield attributes
    finally:
        attributes.put_back()
        for task, tensors, mode in zip(tasks, kept, modes, strict=True):
            for module, training in mode.items():
                module.training = training
            with torch.no_grad():
                for name, tensor in tensors_of(task).items():
                    tensor.copy_(tensors[name])
