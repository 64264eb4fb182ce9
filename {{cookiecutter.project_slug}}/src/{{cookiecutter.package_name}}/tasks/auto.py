"""task=auto: what a network is trained for follows from the data."""

from collections.abc import Callable
from typing import Any

from hyperplane.data.scaling import Scaling
from hyperplane.data.spec import DataSpec
from hyperplane.errors import UserError
from hyperplane.tasks.task import Task
from torch import nn
from torch.optim import Optimizer

from .classification import Classification
from .forecasting import Forecasting
from .multilabel import MultiLabel
from .regression import Regression

TASKS: dict[str, type[Task]] = {
    "classification": Classification,
    "multilabel": MultiLabel,
    "regression": Regression,
    "forecasting": Forecasting,
}


def auto(
    spec: DataSpec,
    network: nn.Module,
    loss: nn.Module,
    scaling: Scaling,
    optimizer: Callable[..., Optimizer],
    scheduler: Callable[[Optimizer], dict[str, Any]] | None = None,
    metrics: list[Any] | None = None,  # by name, or by _target_; null: those that are usual
) -> Task:
    """Return the task that `spec.task` names.

    Raises:
        UserError: there is no such task.
    """
    if spec.task not in TASKS:
        raise UserError(
            f"task=auto follows from the data, and these are for {spec.task or 'no task that they name'}. "
            f"It knows: {', '.join(TASKS)}. Choose a task of your own with task=..."
        )
    return TASKS[spec.task](network, loss, spec, scaling, optimizer, scheduler, metrics)
