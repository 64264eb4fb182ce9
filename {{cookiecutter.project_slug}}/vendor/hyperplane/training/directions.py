"""Whether a metric is measured, and whether more or less of it is better, as the metric itself says."""

from collections.abc import Iterable, Sequence
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from ..errors import UserError, with_nearest
from ..metrics import higher_is_better
from ..metrics.metric_names import MetricNames
from ..settings import Settings
from ..tasks.task import Task

# How the methods begin in which a task may log a metric of its own in training and validation
STEPS = ("training_step", "validation_step", "evaluation_step", "backward", "optimizer_")
LOGGING = (*STEPS, "on_train_", "on_validation_", "on_before_", "on_after_")


def refuse_unmeasured(settings: Settings, task: Task, names: MetricNames, callbacks: Sequence[Callback]) -> None:
    """Refuse to watch a metric that the task does not measure, unless it has a mode and something else may log it.

    `callbacks` are those that code gives.

    Raises:
        UserError: there is one.
    """
    known, kind = task.metric_names, type(task)
    own = [name for name, one in settings.callbacks.items() if not one.import_path.startswith("lightning.")]
    hooks = [one for one in dir(kind) if one.startswith(LOGGING) and getattr(kind, one) is not getattr(Task, one, None)]
    may_log = bool(callbacks or own or hooks)
    for section, (metric, mode) in settings.watched.items():
        is_checked = section in ("checkpoint", "scheduler") and (mode is None or not may_log)  # others: by Lightning
        if is_checked and short(names(metric)) not in known:
            says = (
                f"{section}.monitor={metric} is not measured here. It can be train/ or val/ with: "
                f"{', '.join(known)}, and what task.metrics names."
            )
            raise UserError(with_nearest(says, names(metric).partition("/")[2], known))


def directions(
    settings: Settings, task: LightningModule, trainer: Trainer, names: MetricNames, measured: Iterable[str]
) -> dict[str, bool]:
    """Return whether higher is better, of each metric that says so, by its name without the stage.

    The trainer knows the metrics of torchmetrics that were logged as such.
    """
    stated: dict[str, Any] = {}
    loops = (trainer.fit_loop.epoch_loop, trainer.fit_loop.epoch_loop.val_loop, trainer.test_loop)
    for result in (result for loop in loops for result in loop._results.values()):
        if not result.is_tensor:
            stated[short(names(result.meta.name))] = getattr(result.value, "higher_is_better", None)
    stated |= task.directions if isinstance(task, Task) else getattr(task, "higher_is_better", {})
    if settings.checkpoint.mode is not None:
        stated[short(names(settings.checkpoint.monitor))] = settings.checkpoint.mode == "max"
    found = {}
    for name in dict.fromkeys(map(short, measured)):
        higher = stated.get(name)
        found[name] = higher if higher is not None else higher_is_better(name, settings)
    return {name: bool(higher) for name, higher in found.items() if higher is not None}


def short(name: str) -> str:
    """Return the name of a metric without its stage and its loader."""
    return name.rpartition("/")[2]
