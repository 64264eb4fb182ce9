"""What a network is trained for: a LightningModule joins network, loss, optimizer, scheduler and metrics."""

from torch import nn

from ..data.spec import DataSpec
from ..settings import Settings
from .classification import Classification
from .task import Task

TASKS: dict[str, type[Task]] = {"classification": Classification}


def make_task(network: nn.Module, spec: DataSpec, settings: Settings) -> Task:
    """Return the task that `spec` states, around `network`."""
    return TASKS[spec.task](network, spec, settings.optimizer, settings.scheduler)
