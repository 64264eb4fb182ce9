"""The figures that explain a run: its learning curves, and what its task and its data draw themselves."""

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule
from loguru import logger

from ..whole_file import write_whole
from .task import Task


def draw(task: LightningModule, data: Any, rows: list[dict[str, float]], folder: Path) -> dict[str, Path]:
    """Draw figures into `<folder>/figures` and return their paths by name.

    Any task may have a method `figures(data)` that returns matplotlib figures by name, and any data module a method
    `figures(task)`. A method `texts(data)` of the task returns texts, which are written to `<folder>/<name>.txt`. What
    fails is said, and does not take the results of a training along.
    """
    from .. import figures  # matplotlib takes a second to import

    drawn = {} if isinstance(task, Task) and task.is_solved else {"learning_curves": figures.learning_curves(rows)}
    drawn |= made("figures", "task", task, data) | made("figures", "data", data, task)
    for name, text in made("texts", "task", task, data).items():
        write_whole(folder / f"{name}.txt", text)
    return figures.save(drawn, folder)


def made(method: str, name: str, owner: Any, other: Any) -> dict[str, Any]:
    """Return what a method of the task, or of the data, makes of the other; nothing if there is none, or it fails."""
    own = getattr(owner, method, None)
    if not callable(own):
        return {}
    try:
        return own(other)
    except Exception as error:
        logger.opt(exception=error).debug("The {} failed.", method)
        logger.error("{} of the {} could not be drawn: {}: {}", method, name, type(error).__name__, error)
        return {}
