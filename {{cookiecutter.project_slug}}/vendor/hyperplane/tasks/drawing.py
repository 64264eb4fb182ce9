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

    drawn = {}
    if not (isinstance(task, Task) and task.is_solved):
        drawn = made("learning curves", lambda rows: {"learning_curves": figures.learning_curves(rows)}, rows)
    drawn |= made("figures of the task", getattr(task, "figures", None), data)
    drawn |= made("figures of the data", getattr(data, "figures", None), task)
    for name, text in made("texts of the task", getattr(task, "texts", None), data).items():
        write_whole(folder / f"{name}.txt", str(text))
    paths: dict[str, Path] = {}
    for name, figure in drawn.items():  # matplotlib looks at most values only when it writes a figure
        paths |= made(f"the figure {name}", lambda one: figures.save(one, folder), {name: figure})
    return paths


def made(what: str, make: Any, of: Any) -> dict[str, Any]:
    """Return what a method makes of something, by name; nothing if there is no such method, or it fails."""
    if not callable(make):
        return {}
    try:
        return dict(make(of))
    except Exception as error:
        logger.opt(exception=error).debug("Drawing failed.")
        logger.error("{} could not be drawn: {}: {}", what, type(error).__name__, error)
        return {}
