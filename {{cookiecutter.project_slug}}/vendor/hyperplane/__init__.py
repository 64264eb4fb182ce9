"""Hyperplane: the engine of a research project, which comes and is updated as a whole.

These names are for projects; everything else may change with any update. They are imported when they are first used,
as most of them import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data.datamodule import ArrayDataModule as ArrayDataModule
    from .data.spec import DataSpec as DataSpec
    from .errors import UserError as UserError
    from .recording import record as record
    from .tasks.task import Task as Task
    from .training.run import Run as Run

HOMES = {
    "ArrayDataModule": "data.datamodule",  # a data set of arrays in memory
    "DataSpec": "data.spec",  # what a model has to know of the data
    "Run": "training.run",  # a run: data, task, trainer, fit, test
    "Task": "tasks.task",  # a LightningModule on the fast path
    "UserError": "errors",  # something that the user can put right, in a sentence
    "record": "recording",  # run a function on a run, whatever happens
}
__all__ = list(HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name."""
    if name not in HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f".{HOMES[name]}", __name__), name)
