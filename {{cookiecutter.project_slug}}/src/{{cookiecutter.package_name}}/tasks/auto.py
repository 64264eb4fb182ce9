"""task=auto: the task follows from the data."""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from hyperplane import DataSpec, Task, UserError
from hyperplane.data.scaling import Scaling
from torch import nn
from torch.optim import Optimizer

# The task of each kind of data, in the file of that name, which is imported only if needed.
TASKS = {
    "classification": "Classification",
    "multilabel": "MultiLabel",
    "regression": "Regression",
    "forecasting": "Forecasting",
    "next_token": "NextToken",
}


def auto(
    spec: DataSpec,
    network: nn.Module,
    loss: nn.Module,
    scaling: Scaling,
    optimizer: Callable[..., Optimizer],
    scheduler: Callable[[Optimizer], dict[str, Any]] | None = None,
    metrics: list[Any] | None = None,  # by name or by _target_; null: the usual ones
) -> Task:
    """Return the task that `spec.task` names.

    Raises:
        UserError: there is no such task.
    """
    if spec.task not in TASKS or find_spec(f".{spec.task}", __package__) is None:
        known = [task for task in TASKS if find_spec(f".{task}", __package__)]
        raise UserError(
            f"task=auto knows {', '.join(known)}, but these data are for {spec.task or 'no task that they name'}. "
            "Choose a task with task=..."
        )
    task = getattr(import_module(f".{spec.task}", __package__), TASKS[spec.task])
    return task(network, loss, spec, scaling, optimizer, scheduler, metrics)
