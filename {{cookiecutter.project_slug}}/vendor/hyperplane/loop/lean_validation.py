"""The validation without the hooks that nobody listens to: with few samples, they take longer than the validation.

What a small model's epoch of 36 steps pays for Lightning's own way is a tenth of the epoch.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from typing import Any

import torch
from lightning.fabric.utilities.apply_func import move_data_to_device
from lightning.fabric.utilities.data import _set_sampler_epoch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.loops.evaluation_loop import _EvaluationLoop
from lightning.pytorch.plugins.precision import MixedPrecision
from lightning.pytorch.trainer.states import RunningStage, TrainerFn
from torch import Tensor, nn

from ..tasks.epoch_metrics import EpochMetrics
from ..tasks.task import Task
from .task_hooks import TaskHooks

# Overridden in a callback, other than a progress bar, or in a task, any of these sends the validation through
# Lightning's own loop: there they may log.
CALLBACK_HOOKS = (
    "on_validation_start",
    "on_validation_epoch_start",
    "on_validation_batch_start",
    "on_validation_batch_end",
    "on_validation_epoch_end",
)
TASK_HOOKS = (
    "validation_step",
    *CALLBACK_HOOKS,
    "on_validation_end",
    "on_validation_model_eval",
    "on_validation_model_train",
)


class LeanValidation(_EvaluationLoop):
    """Lightning's loop over the validation batches, with a short way where a step is a plain one."""

    def __init__(self, trainer: Trainer, is_plain: Callable[[Trainer], bool]) -> None:
        super().__init__(trainer, TrainerFn.FITTING, RunningStage.VALIDATING, verbose=False, inference_mode=False)
        self.is_plain = is_plain
        self.is_short: bool | None = None

    def run(self) -> list[Any]:
        """Validate; all of Lightning's counters go on as they do in its own loop."""
        trainer: Any = self.trainer
        task: Any = trainer.lightning_module
        if trainer.sanity_checking or self.restarting:
            return super().run()
        self.setup_data()
        is_plain = self.is_plain(trainer)
        if self.is_short is None:
            has_length = self.num_dataloaders == 1 and self.max_batches[0] != math.inf
            has_hooks = any(overrides(task, Task, hook) for hook in TASK_HOOKS)
            listeners = [c for c in trainer.callbacks if any(overrides(c, Callback, hook) for hook in CALLBACK_HOOKS)]
            self.bars = [c for c in listeners if isinstance(c, ProgressBar)]
            others = [c for c in listeners if not isinstance(c, ProgressBar | TaskHooks)]
            self.is_short = has_length and not has_hooks and not others
            self.autocast = autocast(trainer)
        if not (is_plain and self.is_short):
            return super().run()
        loader = self._combined_loader.flattened[0]  # type: ignore[union-attr]
        _set_sampler_epoch(loader, trainer.fit_loop.epoch_progress.current.processed)
        self.batch_progress.reset_on_run()
        modes = start_evaluating(task)
        with torch.no_grad():
            self.tell("on_validation_start", "on_validation_epoch_start")
            self.measure(loader)
            self._has_run = True
            self.tell("on_validation_epoch_end", "on_validation_end")
        set_modes(modes)
        return []

    def measure(self, loader: Any) -> None:
        """Add the batches of a loader to the metrics."""
        trainer: Any = self.trainer
        task: Any = trainer.lightning_module
        for number, batch in enumerate(islice(loader, int(self.max_batches[0]))):
            self.batch_progress.increment_by(1, is_last_batch=number + 1 == self.max_batches[0])
            batch = to_device(batch, task.device)
            for bar in self.bars:
                bar.on_validation_batch_start(trainer, task, batch, number)
            with self.autocast():
                task.validation_step(batch, number)
            for bar in self.bars:
                bar.on_validation_batch_end(trainer, task, None, batch, number)

    def tell(self, *hooks: str) -> None:
        trainer: Any = self.trainer
        for hook in hooks:
            for callback in trainer.callbacks:
                getattr(callback, hook)(trainer, trainer.lightning_module)
            getattr(trainer.lightning_module, hook)()


def start_evaluating(task: Any) -> list[tuple[nn.Module, bool]]:
    """Do what `task.eval()` does, for losses too, and return the modes of the modules before.

    To set an attribute of a module takes a microsecond, as it might be a parameter; in its dictionary it does not.
    Metrics have no mode. One that is compiled or scripted keeps its mode elsewhere.
    """
    modes = [(module, module.training) for module in computing_modules(task)]
    if all(has_plain_mode(module) for module, _ in modes):
        set_modes((module, False) for module, _ in modes)
    else:
        task.eval()
    return modes


def set_modes(modes: Iterable[tuple[nn.Module, bool]]) -> None:
    for module, mode in modes:
        if "training" in vars(module):
            vars(module)["training"] = mode
        else:
            module.training = mode


def has_plain_mode(module: nn.Module) -> bool:
    """Say whether the mode of a module is an attribute that nothing else hangs on."""
    kind = type(module)
    return "training" in vars(module) and kind.train is nn.Module.train and kind.eval is nn.Module.eval


def computing_modules(task: Any) -> Iterator[nn.Module]:
    """Yield the modules of a task other than its metrics."""
    seen: set[int] = set()
    waiting = [task]
    while waiting:
        module = waiting.pop()
        if id(module) not in seen:
            seen.add(id(module))
            yield module
            waiting += [part for part in module.children() if not isinstance(part, EpochMetrics)]


def to_device(batch: Any, device: torch.device) -> Any:
    """Return a batch on a device: a tuple of tensors, or anything that holds some."""
    if type(batch) in (tuple, list) and all(isinstance(part, Tensor) for part in batch):
        return [tensor if tensor.device == device else tensor.to(device) for tensor in batch]
    return move_data_to_device(batch, device)


def autocast(trainer: Any) -> Callable[[], AbstractContextManager[None]]:
    """Return what makes the context of a forward pass: that of mixed precision, or none."""
    precision = trainer.precision_plugin
    return precision.forward_context if isinstance(precision, MixedPrecision) else nullcontext


def overrides(thing: object, base: type, name: str) -> bool:
    """Say whether the class of `thing` defines `name` anew."""
    return getattr(type(thing), name) is not getattr(base, name)
