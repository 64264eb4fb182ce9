"""What a network is trained for: a LightningModule joins network, loss, optimizer, scheduler and metrics."""

import inspect
from functools import cache, partial
from typing import Any

from lightning.pytorch import LightningModule
from torch import nn

from ..components import Later, asked_for, build, factory
from ..configs import targets
from ..data.panels.scaling import PanelScaling
from ..data.scaling import Scaling
from ..data.spec import DataSpec, PanelSpec, TextSpec
from ..errors import UserError
from ..recurrent import use_scans
from ..settings import Settings
from ..signatures.capabilities import states
from .optimizing import OptimizerFactory, SchedulerFactory

WEIGHTED = ("outputs", "targets", "weights")  # what a loss takes where samples have weights


def make_task(settings: Settings, spec: DataSpec, scaling: nn.Module | None = None) -> LightningModule:
    """Build the task, and what it asks for: network, loss, scaling, optimizer, scheduler, spec, seed.

    Without `scaling`, the standardisation of the data, there is a new one, which is filled from the checkpoint.

    Raises:
        UserError: the model or the loss cannot serve these data.
    """
    general: dict[str, Any] = {
        "spec": spec,
        "seed": settings.seed,
        "num_classes": spec.output_size,
        "num_labels": spec.output_size,
    }
    network = cache(partial(make_network, settings, spec, general))
    optimizer = OptimizerFactory(settings.optimizer)
    scheduler = None
    if settings.scheduler is not None:
        every_epochs = settings.trainer.check_val_every_n_epoch or 1
        monitor = settings.scheduler.reserved["monitor"] or settings.checkpoint.monitor
        scheduler = SchedulerFactory(settings.scheduler, monitor, settings.mode_of(monitor) or "min", every_epochs)
    offers = general | {
        "network": Later(network),
        "loss": Later(lambda: make_loss(settings, spec, general | {"network": Later(network)})),
        "scaling": Later(lambda: scaling or new_scaling(spec)),
        "optimizer": optimizer,
        "scheduler": scheduler,
    }
    task = build(settings.task, **offers)
    if not isinstance(task, LightningModule):
        raise UserError(f"task: {settings.task.import_path} must be a LightningModule, and is {type(task).__name__}")
    for maker in (optimizer, scheduler):
        if maker is not None:
            maker.module = task
    use_scans(task)
    return task


def new_scaling(spec: DataSpec) -> nn.Module:
    """Return a standardisation that changes nothing yet: a checkpoint fills it."""
    return PanelScaling(spec) if isinstance(spec, PanelSpec) else Scaling(spec)


def asks_for_network(settings: Settings) -> bool:
    """Say whether the task of a run takes the network that `model=` names; otherwise it builds its own."""
    return "network" in asked_for(factory(settings.task))


def make_network(settings: Settings, spec: DataSpec, offers: dict[str, Any]) -> nn.Module:
    """Build what `model=` names for data of `spec`."""
    if isinstance(spec, PanelSpec) and not getattr(factory(settings.model), "forecasts", False):
        name = settings.model.import_path.rpartition(".")[2]
        others = ", ".join(choice for choice, target in targets("model") if states(target, "forecasts"))
        choice = f"Of model= these forecast: {others}" if others else "A model that does states `forecasts = True`"
        raise UserError(f"{name} takes single samples, not time series. {choice}")
    if isinstance(spec, TextSpec):
        require_reader(settings, spec)
    network: nn.Module = build(settings.model, **offers)
    parameters = inspect.signature(network.forward).parameters
    if (
        spec.has_mask
        and "mask" not in parameters
        and not any(one.kind == one.VAR_POSITIONAL for one in parameters.values())
    ):
        raise UserError(
            f"These samples have different lengths, but {type(network).__name__} takes no mask that says where each "
            "ends: cut them to one length, or choose model=cnn or another model whose forward takes a mask"
        )
    return network


def require_reader(settings: Settings, spec: TextSpec) -> None:
    """Refuse a network that does not read texts: its class says `reads_tokens = True`, or `predicts_next = True`."""
    network, name = factory(settings.model), settings.model.import_path.rpartition(".")[2]
    if spec.task == "next_token" and not getattr(network, "predicts_next", False):
        raise UserError(
            f"{name} does not predict the next token at each position. {choices_that('predicts_next', 'gpt')} A "
            "network of your own must map tokens (B, T) to logits (B, V, T), each from earlier tokens only, and set "
            "predicts_next = True in its class."
        )
    if spec.task != "next_token" and not getattr(network, "reads_tokens", False):
        raise UserError(
            f"{name} takes numbers, not tokens. {choices_that('reads_tokens', 'linear, the bag of words')} A "
            "network of your own must take tokens and mask (B, L), and set reads_tokens = True in its class."
        )


def choices_that(capability: str, example: str) -> str:
    """Say which models of the project state a capability, or which one comes with the template's examples."""
    found = ", ".join(choice for choice, target in targets("model") if states(target, capability))
    return f"Of model= these do: {found}." if found else f"This project has none; examples=all has model={example}."


def make_loss(settings: Settings, spec: DataSpec, offers: dict[str, Any]) -> nn.Module:
    """Build what `loss=` names."""
    loss: nn.Module = build(settings.loss, **offers)
    if spec.has_weights and len(inspect.signature(loss.forward).parameters) < len(WEIGHTED):
        name = settings.loss.import_path.rpartition(".")[2]
        raise UserError(
            f"data.weights goes with a loss that takes weights, and {name} does not: choose one of this project, "
            f"or give yours a forward({', '.join(WEIGHTED)})"
        )
    return loss
