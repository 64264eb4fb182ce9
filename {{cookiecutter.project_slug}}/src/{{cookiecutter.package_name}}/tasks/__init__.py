"""What a network is trained for: a LightningModule joins network, loss, optimizer, scheduler and metrics."""

from functools import cache, partial
from typing import Any

from lightning.pytorch import LightningModule
from torch import nn

from ..components import Component, Later, asked_for, build, factory
from ..data.panel_scaling import PanelScaling
from ..data.scaling import Scaling
from ..data.spec import DataSpec, PanelSpec
from ..losses import DEFAULT_LOSSES
from ..mistakes import UserMistake
from ..settings import Settings
from .optimizing import OptimizerFactory, SchedulerFactory


def make_task(settings: Settings, spec: DataSpec, scaling: nn.Module | None = None) -> LightningModule:
    """Build the task, and what it asks for: network, loss, scaling, optimizer, scheduler, spec, seed.

    Args:
        settings: of the run.
        spec: of the data.
        scaling: the standardisation of the data, if they have one; a new one is filled from the checkpoint.

    Raises:
        UserMistake: the model or the loss cannot serve these data.
    """
    general = {"spec": spec, "seed": settings.seed, "num_classes": spec.output_size, "num_labels": spec.output_size}
    network = cache(partial(make_network, settings, spec, general))
    optimizer = OptimizerFactory(settings.optimizer)
    scheduler = None
    if settings.scheduler is not None:
        every_epochs = settings.trainer.check_val_every_n_epoch or 1
        monitor = settings.scheduler.reserved["monitor"] or settings.checkpoint.monitor
        scheduler = SchedulerFactory(settings.scheduler, monitor, settings.mode_of(monitor) or "min", every_epochs)
    offers = general | {
        "network": Later(network),
        "loss": Later(lambda: make_loss(settings, spec, general, network)),
        "scaling": Later(lambda: scaling or new_scaling(spec)),
        "optimizer": optimizer,
        "scheduler": scheduler,
    }
    component = settings.task or Component(_target_=f"{__package__}.auto.auto")
    task = build(component, **offers)
    if not isinstance(task, LightningModule):
        raise UserMistake(f"task: {component.import_path} must be a LightningModule, and is {type(task).__name__}")
    for maker in (optimizer, scheduler):
        if maker is not None:
            maker.module = task
    return task


def new_scaling(spec: DataSpec) -> nn.Module:
    """Return a standardisation that changes nothing yet: a checkpoint fills it."""
    return PanelScaling(spec) if isinstance(spec, PanelSpec) else Scaling(spec)


def asks_for_network(settings: Settings) -> bool:
    """Say whether the task of a run takes the network that `model=` names; otherwise it builds its own."""
    return settings.task is None or "network" in asked_for(factory(settings.task))


def make_network(settings: Settings, spec: DataSpec, offers: dict[str, Any]) -> nn.Module:
    """Build what `model=` names for data of `spec`."""
    if isinstance(spec, PanelSpec) and not getattr(factory(settings.model), "forecasts", False):
        name = settings.model.import_path.rpartition(".")[2]
        raise UserMistake(f"{name} takes single samples, no time series. Choose model=linear, model=mlp or model=tft.")
    network: nn.Module = build(settings.model, **offers)
    return network


def make_loss(settings: Settings, spec: DataSpec, offers: dict[str, Any], network: Any) -> nn.Module:
    """Build what `loss=` names, or what follows from the network or the data.

    Raises:
        UserMistake: nothing follows from them.
    """
    if settings.loss is not None:
        loss: nn.Module = build(settings.loss, **offers)
        return loss
    default = getattr(network(), "default_loss", None) or DEFAULT_LOSSES.get(spec.task)
    if default is None:
        raise UserMistake(f"loss=auto knows no loss for data for {spec.task or 'no task'}: choose one with loss=...")
    return default(spec)
