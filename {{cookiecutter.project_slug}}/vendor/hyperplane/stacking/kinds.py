"""Which members compute the same operations, so that they can be stacked: built alike, and found equal in one step.

Members of a kind have networks and losses of the same classes, with tensors of the same shapes. What else may be in
them nobody can list; so the step of the stack is tried on the first batch of every member, and its losses and gradients
are compared with those that the member computes by itself. Where they differ, or where vmap does not know an operation,
members are not stacked.
"""

from collections.abc import Sequence
from itertools import count
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.parametrize import type_before_parametrizations

from ..errors import first_line
from .attributes import ChangesAttributes, as_they_were
from .batching import is_close, map_tensors, shapes
from .contents import Same, choices, constants
from .generators import DrawsForAll, Generators
from .member import Window
from .numbers import numbers
from .progress import LooksAtProgress
from .stack import Context, Stack, context_of
from .swapping import parts, tensors_of

kinds = count()
SINGLE = "no other job beside it computes the same operations on data of the same shape"


def is_unknown(window: Window) -> bool:
    """Say whether nobody has looked at a member, or it may branch otherwise: a callback has set something anew."""
    return window.loop.kind is None or window.loop.choices != watched(window)


def watched(window: Window) -> list[Any]:
    """Return what a step may depend on, and what follows on it, as it is now."""
    trainer = window.loop.trainer
    return [
        trainer.gradient_clip_val,
        trainer.gradient_clip_algorithm,
        Same(trainer.optimizers[0]),
        *choices(task_of(window)),
    ]


def sort_into_kinds(windows: Sequence[Window]) -> None:
    """Find the kind of each member that waits; one that has no other of its kind, or cannot be stacked, is refused.

    Args:
        windows: of members that are not known.
    """
    groups: dict[Any, list[Window]] = {}
    for window in windows:
        try:
            groups.setdefault(build_of(window), []).append(window)
        except LooksAtProgress as error:
            refuse([window], f"its step cannot be stacked: {error}")
    for group in groups.values():
        assign(group)


def assign(group: list[Window]) -> None:
    """Find the kinds of members that are built alike."""
    while len(group) > 1:
        try:
            is_alike, about = compare(group)
        except (LooksAtProgress, DrawsForAll, ChangesAttributes) as error:
            refuse(group, f"its step cannot be stacked: {error}")
            return
        except Exception as error:  # whatever an operation says that vmap does not know
            for some in by_value(group):  # a number that has to be one, such as a share of label smoothing
                if len(some) == len(group):
                    refuse(group, f"its step cannot be stacked ({type(error).__name__}: {first_line(error)})")
                else:
                    assign(some)
            return
        if not any(is_alike):
            refuse(group, "its step, computed for all members at once, gives other numbers than by itself")
            return
        kind = next(kinds)
        alike = [window for window, same in zip(group, is_alike, strict=True) if same]
        if len(alike) > 1:
            for window in alike:
                window.loop.kind, window.loop.about, window.loop.choices = kind, about, watched(window)
        else:
            refuse(alike or group[:1], SINGLE)
        group = [window for window in group if window not in alike] if alike else group[1:]
    refuse(group, SINGLE)


def by_value(group: Sequence[Window]) -> list[list[Window]]:
    """Return members by their numbers: by the real ones, or if these are the same, by the whole ones."""
    for types in (float,), (float, int):
        found: dict[Any, list[Window]] = {}
        for window in group:
            found.setdefault(tuple(numbers(task_of(window), types).values()), []).append(window)
        if len(found) > 1:
            break
    return [*found.values()]


def refuse(group: Sequence[Window], reason: str) -> None:
    """Let members train by themselves."""
    for window in group:
        window.refusal = reason


def task_of(window: Window) -> Any:
    """Return the task of a member."""
    return window.loop.trainer.lightning_module


def build_of(window: Window) -> Any:
    """Return what members of a kind have in common before anything is computed."""
    trainer, task = window.loop.trainer, task_of(window)
    optimizer = trainer.optimizers[0]
    return (
        type(task),
        tuple((name, type_before_parametrizations(module)) for name, module in parts(task)),
        tuple((name, t.shape, t.dtype, t.device, t.requires_grad) for name, t in tensors_of(task).items()),
        tuple(numbers(task)),
        tuple(constants(task)),
        (task.has_penalty, task.has_weights),
        (type(optimizer), tuple(len(group["params"]) for group in optimizer.param_groups)),
        (trainer.gradient_clip_val, trainer.gradient_clip_algorithm, trainer.precision),
        shapes(map_tensors(itemgetter(0), window.batches)),
    )


def compare(group: Sequence[Window]) -> tuple[list[bool], dict[str, Any]]:
    """Say of each member whether the stack computes what it computes by itself, and what a stack has to know."""
    firsts = [map_tensors(itemgetter(0), window.batches) for window in group]
    batches = map_tensors(lambda *tensors: torch.stack(tensors), *firsts)
    tasks = [task_of(window) for window in group]
    stack = Stack([window.loop for window in group])
    stack.context = exact = context_of(group[0].loop.trainer, is_exact=True)
    before = Generators(tasks[0].device)
    try:
        with as_they_were(tasks[:1]) as attributes:
            alone(group[0].loop, firsts[0], exact)
            attributes.check()
        is_random = before.have_moved()
        with as_they_were(tasks, evaluating=is_random):
            losses, _, _ = stack.losses(batches)
            limits, stack.clips = stack.clips, (None, None)
            gradients = stack.gradients(losses)
            stack.clips = limits
            found = []
            for i, (window, batch) in enumerate(zip(group, firsts, strict=True)):
                own = alone(window.loop, batch, exact)
                own += tensors_of(tasks[i]).values()  # which a step may change in place
                mine = [losses[i], *(gradients[name][i] if name in gradients else None for name in stack.trained)]
                mine += [tensor[i] for tensor in stack.tensors.values()]
                found.append(all(map(is_close, own, mine)))
        stack.context = context_of(group[0].loop.trainer)
        if is_random or stack.context != exact:  # what only training does has to be possible as well
            gradients = stack.gradients(stack.losses(batches)[0])
    finally:
        before.put_back()
        stack.release()
    unused = [name for name in stack.trained if name not in gradients]
    about = {
        "is_random": is_random,
        "folds": stack.folded.was_asked,
        "unused": unused,
        "differing": stack.numbers.names,
    }
    return found, about


def alone(loop: Any, batch: Any, context: Context) -> list[Tensor | None]:
    """Return the loss of a member and its gradients, computed by itself in the context of a precision."""
    task = loop.trainer.lightning_module
    loss, _ = forward(loop, batch, context)
    trained = [tensor for tensor in tensors_of(task).values() if tensor.requires_grad]
    return [loss.detach(), *torch.autograd.grad(loss, trained, allow_unused=True)]


def forward(loop: Any, batch: Any, context: Context | None = None) -> tuple[Tensor, Tensor]:
    """Return the loss of a member and its outputs, computed by itself on a copy of a batch, which a step may change."""
    task = loop.trainer.lightning_module
    with (context or context_of(loop.trainer))():
        loss, outputs, _ = task.step(map_tensors(torch.clone, batch))
        return (loss + task.network.penalty() if task.has_penalty else loss), outputs
