"""What a step may branch on or compute with beside numbers and tensors, in a form that can be compared.

Members of a stack have it in common (`constants`). If one of them has set some of it anew since (`choices`), their step
is compared anew.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import partial
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from lightning.pytorch import Trainer
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from .attributes import fields
from .numbers import OF_MODULES, computing
from .progress import LooksAtProgress
from .swapping import parts

# What tasks have beside what all modules have, but do not compute a step with.
OF_TASKS = {"optimizer", "scheduler", "spec", "metrics", "val_metrics", "test_metrics", "naive", "sample_weights"}
OWN = {"_hparams", "_hparams_initial"}  # of each member: all settings of a task, also those that no step reads
PLAIN = (bool, int, float, complex, str, bytes, type(None), CodeType)
LIBRARIES = {"lightning", "hyperplane", "numpy", "builtins"}  # whose objects are not looked into
CLOSED = (Tensor, nn.Module, type, ModuleType, Optimizer, LRScheduler)  # neither are these
DEPTH, LONG, MANY = 4, 100, 400  # of lists in lists, of a list, and in all, that are looked into


def choices(task: Any) -> list[Any]:
    """Return what a step may branch on or compute with, but for real numbers and tensors that are followed anyway."""
    trained = [one.requires_grad for _, module in parts(task) for one in module._parameters.values() if one is not None]
    return [*trained, {key: content(value, Same) for key, value in attributes(task, {float})}]


def constants(task: Any) -> list[Any]:
    """Return what members of a stack have in common: what `choices` returns, but for whole numbers and objects."""
    return sorted(
        (*key, repr(content(value, fingerprint))) for key, value in attributes(task, {float, int}) if key[1] not in OWN
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
        inner = children(one) if depth and type(one) not in PLAIN else None
        if type(one) in PLAIN:
            found += (type(one), one)
        elif inner is None or len(found) + len(waiting) + len(inner) > MANY:
            found.append(of_object(one))
        else:
            found.append((type(one), len(inner)))
            waiting.extend((part, depth - 1) for part in inner)
    return found


def children(value: Any) -> Sequence[Any] | None:
    """Return what is in a value, such as it holds itself; None: nobody knows, or it is too much."""
    if isinstance(value, CLOSED):
        return None
    if isinstance(value, (list, tuple, deque, Mapping, Set)):
        return None if len(value) > LONG else children_of_container(value)
    if isinstance(value, np.ndarray):
        return None if value.size > LONG else [value.shape, *value.ravel().tolist()]
    if isinstance(value, partial | MethodType | FunctionType):
        return children_of_function(value)
    held = {} if type(value).__module__.partition(".")[0] in LIBRARIES else fields(value)
    return children_of_container(held) if held and len(held) <= LONG else None


def children_of_function(value: Any) -> list[Any]:
    """Return what is in a function, or in what calls one."""
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, MethodType):
        return [value.__func__, value.__self__]
    cells = [cell.cell_contents for cell in value.__closure__ or () if cell != CellType()]  # of names that have a value
    return [value.__code__, value.__defaults__, value.__kwdefaults__, *cells]


def children_of_container(container: Any) -> list[Any]:
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


def fingerprint(value: Any) -> Any:
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
