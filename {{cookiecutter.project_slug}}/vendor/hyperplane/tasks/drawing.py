"""The figures that explain a run: its learning curves, and what its task draws itself."""

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule
from loguru import logger

from .task import Task


def draw(task: LightningModule, data: Any, rows: list[dict[str, float]], folder: Path) -> dict[str, Path]:
    """Draw figures into `<folder>/figures` and return their paths by name.

    Any task may have a method `figures(data)` that returns matplotlib figures by name, and any data module a method
    `figures(task)`. One that fails is said, and does not take the results of a training along.

    Args:
        task: after its test.
        data: its data module.
        rows: of `metrics.csv`.
        folder: of the run.
    """
    from .. import figures  # matplotlib takes a second to import

    drawn = {} if isinstance(task, Task) and task.is_solved else {"learning_curves": figures.learning_curves(rows)}
    for name, owner, other in (("task", task, data), ("data", data, task)):
        own = getattr(owner, "figures", None)
        if not callable(own):
            continue
        try:
            drawn |= own(other)
        except Exception as error:
            logger.opt(exception=error).debug("The figures failed.")
            logger.error("figures of the {} could not be drawn: {}: {}", name, type(error).__name__, error)
    return figures.save(drawn, folder)
