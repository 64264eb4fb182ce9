"""The part of a task that predicts, and its program for any number of samples."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden
from torch import Tensor, nn
from torch.export import ExportedProgram

from ..data.panels.scaling import restored
from ..data.scaling import loses_digits
from ..errors import UserError, first_line
from ..tasks.task import Task


class Predictor(nn.Module):
    """The part of a task that predicts: of a `Task` standardise, network, predictions in the units of the data."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.scaling = task.scaling
        self.network = task.network
        self.to_predictions = task.to_predictions
        self.prepared = task.prepared
        # float32 says nothing finer than 128 seconds of a time since 1970
        self.is_wide = bool(loses_digits(task.scaling.target_mean, task.scaling.target_std).any())

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map inputs (B, ...) to predictions (B, ...), as `Task.forward` does."""
        if not hasattr(self.scaling, "by_window"):
            predictions = self.to_predictions(self.network(*self.prepared(*inputs)))
            return predictions if self.is_wide else predictions.float()
        windows, level = self.scaling.by_window(*self.scaling(*inputs))
        return self.to_predictions(restored(self.network(*windows), level)).float()


class Forward(nn.Module):
    """A `forward` of a LightningModule's own, whatever it calls its inputs."""

    def __init__(self, task: LightningModule) -> None:
        super().__init__()
        self.task = task

    def forward(self, *inputs: Tensor) -> Any:
        """Return what the task makes of inputs (B, ...)."""
        return self.task(*inputs)


def trace(task: LightningModule, inputs: tuple[Tensor, ...], any_batch: tuple[Any, ...]) -> ExportedProgram:
    """Return the program of a task, for any number of samples.

    Raises:
        UserError: it cannot be traced, as where Python decides by the values of tensors.
    """
    module = predictor(task).eval()
    try:
        with quiet():
            return torch.export.export(module, inputs, dynamic_shapes=(any_batch,))
    except Exception as error:
        traced = task.network if isinstance(module, Predictor) else task
        raise UserError(
            f"{type(traced).__name__}.forward cannot be traced with inputs {tuple(inputs[0].shape)}: "
            f"{first_line(error)}\nIt must take any number of samples, inputs.shape[0] and not len(inputs), and decide "
            "nothing by the values of tensors"
        ) from error


def predictor(task: LightningModule) -> nn.Module:
    """Return the part of a task that predicts; of a LightningModule with a `forward` of its own that."""
    if isinstance(task, Task) and type(task).forward is Task.forward:
        return Predictor(task)
    if not is_overridden("forward", task):
        raise UserError(f"{type(task).__name__} has no forward(self, inputs), so there is nothing to export")
    return Forward(task)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what torch says about itself while it exports; the comparison says what counts."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
