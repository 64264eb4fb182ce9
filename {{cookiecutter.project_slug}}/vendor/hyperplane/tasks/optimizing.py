"""Optimizers and learning rate schedules, made of their settings when a task asks for them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer

from ..components import Component, asked_for, build, factory
from ..errors import UserError


def matches(name: str, pattern: str) -> bool:
    """Say whether a parameter belongs to a part: `body` is body.0.weight, and `*.bias` is every bias."""
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}.*")


def named_parameters(module: nn.Module) -> dict[str, nn.Parameter]:
    """Return the parameters of a task by their names; those of a `Task` by their names within its network."""
    return {name.removeprefix("network."): parameter for name, parameter in module.named_parameters()}


def parts(names: Iterable[str]) -> str:
    """Return the parts that parameters belong to, for a message."""
    return ", ".join(dict.fromkeys(name.partition(".")[0] for name in names))


@dataclass(eq=False)
class OptimizerFactory:
    """Called with parameters, or groups of them, it returns an optimizer.

    The setting `groups` gives parts of the network settings of their own: the first group whose `match` fits a
    parameter's name takes it.
    """

    settings: Component
    module: nn.Module = field(default_factory=nn.Module)  # whose parameters have the names; known when it is built

    def __call__(self, params: Iterable[Any]) -> Optimizer:
        """Return the optimizer of `params`.

        Raises:
            UserError: a group matches no parameter, or there are groups already.
        """
        params = list(params)
        groups = self.settings.reserved.get("groups") or []
        if groups:
            params = [one[1] if isinstance(one, tuple) else one for one in params]  # of named_parameters()
            if not all(isinstance(parameter, Tensor) for parameter in params):
                raise UserError(
                    f"optimizer.groups cannot divide what {type(self.module).__name__} has divided into groups itself: "
                    "leave them out"
                )
            params = self.grouped(params, groups)
        return build(self.settings, params=params)

    def grouped(self, params: list[Tensor], groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return parameters in their groups, those of no group last."""
        names = {id(parameter): name for name, parameter in named_parameters(self.module).items()}
        members: list[list[Tensor]] = [[] for _ in groups]
        rest = []
        for parameter in params:
            name = names.get(id(parameter), "")
            fitting = (i for i, group in enumerate(groups) if matches(name, group["match"]))
            members[index].append(parameter) if (index := next(fitting, None)) is not None else rest.append(parameter)
        for group in groups:
            if not any(matches(name, group["match"]) for name in names.values()):
                known = parts(names.values())
                raise UserError(
                    f"optimizer.groups: match={group['match']} matches no parameter. The parts are: {known}"
                )
        own = [
            {"params": found} | {key: value for key, value in group.items() if key != "match"}
            for group, found in zip(groups, members, strict=True)
        ]
        return [*own, {"params": rest}] if rest else own


@dataclass(eq=False)
class SchedulerFactory:
    """Called with an optimizer, it returns a schedule as Lightning configures one: what, how often, what it watches."""

    settings: Component
    monitor: str  # the metric that a schedule watches which watches one
    mode: str  # min or max, whether less or more of it is better
    every_epochs: int  # between two validations
    module: LightningModule | None = None  # that is trained; known when it is built

    def __call__(self, optimizer: Optimizer) -> dict[str, Any]:
        """Return the schedule of `optimizer`.

        Raises:
            UserError: it needs to know how long the training is, and that has no end.
        """
        assert self.module is not None
        watches = self.settings.states("watches_metric")
        offers: dict[str, Any] = {"optimizer": optimizer, **({"mode": self.mode} if watches else {})}
        counts_steps = "total_steps" in asked_for(factory(self.settings))
        if counts_steps:
            trainer = self.module.trainer
            steps = trainer.estimated_stepping_batches if trainer.limit_train_batches else 1
            if steps in (-1, float("inf")):
                name = self.settings.import_path.rpartition(".")[2]
                raise UserError(f"scheduler={name} needs an end: set trainer.max_steps")
            offers["total_steps"] = int(steps)
        scheduler = build(self.settings, **offers)
        reserved = self.settings.reserved
        interval = reserved.get("interval") or ("step" if counts_steps else "epoch")
        between = self.every_epochs if watches and interval == "epoch" else 1  # what it watches is measured so often
        return {
            "scheduler": scheduler,
            "interval": interval,
            "frequency": (reserved.get("frequency") or 1) * between,
            "monitor": self.monitor,
        }
