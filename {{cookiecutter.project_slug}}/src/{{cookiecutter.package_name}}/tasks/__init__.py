"""What a network is trained for: a LightningModule joins network, loss, optimizer, scheduler and metrics."""

from torch import nn

from ..components import build
from ..data.scaling import Scaling
from ..data.spec import DataSpec
from ..losses import DEFAULT_LOSSES
from ..settings import Settings
from .classification import Classification
from .regression import Regression
from .task import Task

TASKS: dict[str, type[Task]] = {"classification": Classification, "regression": Regression}


def make_task(settings: Settings, spec: DataSpec, scaling: Scaling | None = None) -> Task:
    """Build the network for `spec`, and return the task around it.

    Raises:
        UserMistake: the model or the loss cannot serve these data.
    """
    network: nn.Module = build(settings.model, spec=spec)
    if settings.loss is not None:
        loss = build(settings.loss, spec=spec)
    else:
        loss = getattr(network, "default_loss", DEFAULT_LOSSES[spec.task])(spec)
    return TASKS[spec.task](network, loss, spec, scaling or Scaling(spec), settings.optimizer, settings.scheduler)
