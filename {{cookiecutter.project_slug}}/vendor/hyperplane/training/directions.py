"""Whether more or less of a metric is better, as the metric itself says."""

from collections.abc import Iterable
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from ..metrics import higher_is_better
from ..metrics.metric_names import MetricNames
from ..settings import Settings
from ..tasks.task import Task


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
