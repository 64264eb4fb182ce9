"""What a network is trained for: a LightningModule joins network, loss, optimizer, scheduler and metrics."""

from torch import nn

from ..components import build, factory
from ..data.scaling import Scaling
from ..data.spec import DataSpec, PanelSpec
from ..data.windows import PanelScaling
from ..losses import DEFAULT_LOSSES
from ..mistakes import UserMistake
from ..settings import Settings
from .classification import Classification
from .forecasting import Forecasting
from .regression import Regression
from .task import Task

TASKS: dict[str, type[Task]] = {"classification": Classification, "regression": Regression, "forecasting": Forecasting}


def make_task(settings: Settings, spec: DataSpec, scaling: Scaling | None = None) -> Task:
    """Build the network for `spec`, and return the task around it.

    Raises:
        UserMistake: the model or the loss cannot serve these data.
    """
    if isinstance(spec, PanelSpec) and not getattr(factory(settings.model), "forecasts", False):
        name = settings.model.import_path.rpartition(".")[2]
        raise UserMistake(f"{name} takes single samples; it cannot forecast several time series. Choose model=tft.")
    network: nn.Module = build(settings.model, spec=spec)
    if settings.loss is not None:
        loss = build(settings.loss, spec=spec)
    else:
        loss = getattr(network, "default_loss", DEFAULT_LOSSES[spec.task])(spec)
    scaling = scaling or (PanelScaling(spec) if isinstance(spec, PanelSpec) else Scaling(spec))
    return TASKS[spec.task](network, loss, spec, scaling, settings.optimizer, settings.scheduler)
