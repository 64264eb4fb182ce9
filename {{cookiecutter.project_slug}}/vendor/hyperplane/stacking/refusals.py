"""Which trainings take their steps by themselves, as far as a look at their trainer tells, before a step is tried.

What settings tell is in `grouping.py`, and what a step tells in `kinds.py`.
"""

from collections.abc import Iterator
from typing import Any

from lightning.pytorch import LightningModule
from lightning.pytorch.plugins.precision import DoublePrecision, MixedPrecision, Precision
from torch import nn
from torch.optim import Optimizer

from ..loop.closure import takes_closure
from ..loop.lean_loop import is_plain
from ..loop.lean_validation import overrides
from .groups import parts as parts_of
from .schedules import are_own
from .swapping import parts, tensors_of

PRECISIONS = (Precision, MixedPrecision, DoublePrecision)
# Where torch keeps hooks, but those of checkpoints.
HOOKS = {
    name
    for name in (*vars(nn.Module()), *Optimizer.__annotations__)
    if name.endswith("hooks") and "state_dict" not in name
}


def why_alone(trainer: Any, data_fetcher: Any) -> str:
    """Return why the steps of a training are not such as a stack takes, or nothing."""
    return next(reasons(trainer, data_fetcher), "")


def reasons(trainer: Any, data_fetcher: Any) -> Iterator[str]:
    """Yield each reason why a training takes its steps by itself."""
    if not is_plain(trainer, PRECISIONS):
        yield "its steps are not plain ones: it has a step of its own, or callbacks that follow each step"
    if trainer.gradient_clip_val and overrides(trainer.lightning_module, LightningModule, "clip_gradients"):
        yield "its task clips gradients in a way of its own"
    if are_own(trainer):
        yield "its task moves schedules in a way of its own"
    if any(map(takes_closure, parts_of(trainer.optimizers[0]))):
        yield "its optimizer takes steps that torch did not write, and may compute the loss again"
    known = {id(tensor) for tensor in tensors_of(trainer.lightning_module).values()}
    if any(id(one) not in known for group in trainer.optimizers[0].param_groups for one in group["params"]):
        yield "its optimizer moves parameters that its task does not hold"
    if len(data_fetcher.combined_loader.flattened) != 1:
        yield "it has several loaders"
    if have_hooks(trainer):
        yield "there are hooks on its modules, parameters or optimizer, which would be called for one member only"


def have_hooks(trainer: Any) -> bool:
    """Say whether torch calls something else when modules compute, gradients are known, or an optimizer steps."""
    task, optimizer = trainer.lightning_module, trainer.optimizers[0]
    step = vars(optimizer).get("step")  # of its own; a schedule counts the steps so
    if step is not None and getattr(step, "__wrapped__", None) is not type(optimizer).step:
        return True
    things = [optimizer, *(module for _, module in parts(task))]
    return any(held for one in things for name, held in vars(one).items() if name in HOOKS) or any(
        one._backward_hooks or one._post_accumulate_grad_hooks for one in tensors_of(task).values()
    )
