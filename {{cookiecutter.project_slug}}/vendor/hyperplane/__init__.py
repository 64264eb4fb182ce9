"""Hyperplane: the engine of a research project, which comes and is updated as a whole.

These names are for projects; everything else may change with any update. They are imported when they are first used,
as most of them import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data.cache import ArrayDict as ArrayDict
    from .data.cache import cached as cached
    from .data.datamodule import ArrayDataModule as ArrayDataModule
    from .data.datamodule import Arrays as Arrays
    from .data.graphs.datamodule import Graph as Graph
    from .data.graphs.datamodule import GraphDataModule as GraphDataModule
    from .data.panels.datamodule import PanelDataModule as PanelDataModule
    from .data.panels.windows import Windows as Windows
    from .data.spec import DataSpec as DataSpec
    from .data.spec import GraphSpec as GraphSpec
    from .data.spec import PanelSpec as PanelSpec
    from .data.spec import TextSpec as TextSpec
    from .errors import UserError as UserError
    from .recording import record as record
    from .tasks.task import Batch as Batch
    from .tasks.task import Task as Task
    from .training.run import Run as Run

HOMES = {
    "ArrayDataModule": "data.datamodule",  # a data set of arrays in memory
    "ArrayDict": "data.cache",  # arrays by name
    "Arrays": "data.datamodule",  # inputs and targets
    "Batch": "tasks.task",  # what a step takes
    "DataSpec": "data.spec",  # what a network has to know of the data
    "Graph": "data.graphs.datamodule",  # nodes and edges
    "GraphDataModule": "data.graphs.datamodule",  # classes of the nodes of a graph
    "GraphSpec": "data.spec",  # what a network has to know of a graph
    "PanelDataModule": "data.panels.datamodule",  # windows of time series
    "PanelSpec": "data.spec",  # the same of time series
    "Run": "training.run",  # a run: data, task, trainer, fit, test
    "Task": "tasks.task",  # a LightningModule on the fast path
    "TextSpec": "data.spec",  # the same of texts
    "UserError": "errors",  # something that the user can put right, said in a sentence
    "Windows": "data.panels.windows",  # a batch of windows
    "cached": "data.cache",  # make arrays once, and keep them in a file
    "record": "recording",  # run a function on a run, whatever happens
}
__all__ = list(HOMES)


def __getattr__(name: str) -> Any:
    if name not in HOMES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f".{HOMES[name]}", __name__), name)
