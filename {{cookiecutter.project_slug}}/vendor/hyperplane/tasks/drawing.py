"""The figures that explain a run: its learning curves, and what its task draws itself."""

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule
from loguru import logger

from ..data.spec import TextSpec
from ..whole_file import write_whole
from .explaining_texts import figures_of_texts
from .task import Task


def draw(task: LightningModule, data: Any, rows: list[dict[str, float]], folder: Path) -> dict[str, Path]:
    """Draw figures into `<folder>/figures` and return their paths by name.

    Any task may have a method `figures(data)` that returns matplotlib figures by name, and one `texts(data)` that
    returns texts, which are written to `<folder>/<name>.txt`. What fails is said, and does not take the results of a
    training along.

    Args:
        task: after its test.
        data: its data module.
        rows: of `metrics.csv`.
        folder: of the run.
    """
    from .. import figures  # matplotlib takes a second to import

    drawn = {} if isinstance(task, Task) and task.is_solved else {"learning_curves": figures.learning_curves(rows)}
    drawn |= made_by(task, "figures", data)
    if isinstance(task, Task) and task.spec.has_mask and isinstance(task.spec, TextSpec):
        drawn |= figures_of_texts(task, data)
    for name, text in made_by(task, "texts", data).items():
        write_whole(folder / f"{name}.txt", text)
    return figures.save(drawn, folder)


def made_by(task: LightningModule, method: str, data: Any) -> dict[str, Any]:
    """Return what a method of the task makes of its data, by name; nothing if it has no such method, or it fails."""
    own = getattr(task, method, None)
    if not callable(own):
        return {}
    try:
        return own(data)
    except Exception as error:
        logger.opt(exception=error).debug("The {} failed.", method)
        logger.error("{} of the task could not be made: {}: {}", method, type(error).__name__, error)
        return {}
