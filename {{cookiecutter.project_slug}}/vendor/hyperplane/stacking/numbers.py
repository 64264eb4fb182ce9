"""What a step finds in networks and losses beside tensors: numbers, such as a probability of dropout, and the rest.

Where numbers differ, a step computes with a tensor in their place, and each member with its own. The rest members have
to have in common, and if it changes, their step is compared anew.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import Metric

from .attributes import LIGHTNINGS, fields
from .progress import LooksAtProgress
from .swapping import parts

# What every module has, but for its mode; and what tasks have beside that, but do not compute a step with.
OF_MODULES = LIGHTNINGS | (vars(nn.Module()).keys() - {"training"})
OF_TASKS = {"optimizer", "scheduler", "spec", "metrics", "val_metrics", "test_metrics", "naive", "sample_weights"}
OWN = {"_hparams", "_hparams_initial"}  # of each member: all settings of a task, also those that no step reads
PLAIN = (bool, int, float, complex, str, bytes, type(None), CodeType)
LIBRARIES = {"lightning", "hyperplane", "numpy", "builtins"}  # whose objects are not looked into
CLOSED = (Tensor, nn.Module, type, ModuleType, Optimizer, LRScheduler)  # neither are these
DEPTH, LONG, MANY = 4, 100, 400  # of lists in lists, of a list, and in all, that are looked into


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


def choices(task: Any) -> list[Any]:
    """Return what a step may branch on or compute with, but for real numbers and tensors that are followed anyway."""
    trained = [one.requires_grad for _, module in parts(task) for one in module._parameters.values() if one is not None]
    return [*trained, {key: content(value, Same) for key, value in attributes(task, {float})}]


def constants(task: Any) -> list[Any]:
    """Return what members of a stack have in common: what `choices` returns, but for whole numbers and objects."""
    return sorted(
        (*key, repr(content(value, summed))) for key, value in attributes(task, {float, int}) if key[1] not in OWN
    )


def attributes(task: Any, but: set[type]) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield what modules hold beside tensors and parts, by module and name, but values of some types."""
    for path, module in computing(task):
        held = vars(module)
        for name in held.keys() - OF_MODULES:
            if type(held[name]) not in but and (path or name not in OF_TASKS):
                yield (path, name), held[name]


def content(value: Any, of_object: Callable[[Any], Any]) -> list[Any]:
    """Return what can be compared of a value: it, or what is in it, layer by layer.

    Args:
        value: an attribute of a module.
        of_object: returns that of a value that nothing is in, or whose inside nobody knows.
    """
    found: list[Any] = []
    if type(value) in PLAIN:  # as most are
        return [type(value), value]
    waiting = deque([(value, DEPTH)])
    while waiting:
        one, depth = waiting.popleft()
        inner = inside(one) if depth and type(one) not in PLAIN else None
        if type(one) in PLAIN:
            found += (type(one), one)
        elif inner is None or len(found) + len(waiting) + len(inner) > MANY:
            found.append(of_object(one))
        else:
            found.append((type(one), len(inner)))
            waiting.extend((part, depth - 1) for part in inner)
    return found


def inside(value: Any) -> Sequence[Any] | None:
    """Return what is in a value, such as it holds itself; None: nobody knows, or it is too much."""
    if isinstance(value, CLOSED):
        return None
    if isinstance(value, (list, tuple, deque, Mapping, Set)):
        return None if len(value) > LONG else parts_of(value)
    if isinstance(value, np.ndarray):
        return None if value.size > LONG else [value.shape, *value.ravel().tolist()]
    if isinstance(value, partial | MethodType | FunctionType):
        return called(value)
    held = {} if type(value).__module__.partition(".")[0] in LIBRARIES else fields(value)
    return parts_of(held) if held and len(held) <= LONG else None


def called(value: Any) -> list[Any]:
    """Return what is in a function, or in what calls one."""
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, MethodType):
        return [value.__func__, value.__self__]
    cells = [cell.cell_contents for cell in value.__closure__ or () if cell != CellType()]  # of names that have a value
    return [value.__code__, value.__defaults__, value.__kwdefaults__, *cells]


def parts_of(container: Any) -> list[Any]:
    """Return what is in a container: its items, or its keys in order and their values."""
    if not isinstance(container, Mapping | Set):
        return [*container]
    keys = sorted(container, key=repr)
    return [*keys, *(container[key] for key in keys)] if isinstance(container, Mapping) else keys


class Same:
    """What equals itself only, and a tensor only until it is changed in place.

    It is held, as nothing else can be at its address so long.

    Args:
        value: an object.
    """

    def __init__(self, value: Any) -> None:
        self.value = value
        self.version = value._version if is_constant(value) and not value.is_inference() else 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.value is other.value and self.version == other.version

    __hash__ = None  # type: ignore[assignment]


def summed(value: Any) -> Any:
    """Return what objects of different members have in common if they are alike.

    Raises:
        LooksAtProgress: it is a trainer, which a step could only keep to read it.
    """
    if isinstance(value, Trainer):
        raise LooksAtProgress("it keeps the trainer, whose counters stand still while a stack trains")
    return (value.shape, value.dtype, value.sum().item()) if is_constant(value) else type(value)


def is_constant(value: Any) -> bool:
    """Say whether a value is a tensor that is not trained; one that is may be in a list of its module as well."""
    return isinstance(value, Tensor) and not isinstance(value, nn.Parameter)


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
