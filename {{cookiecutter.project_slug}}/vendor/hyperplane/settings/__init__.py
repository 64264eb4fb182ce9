"""Every setting: its type, its range, its default, and one line that says what it means.

The YAML files under `configs/` choose values; the classes here say what is allowed, `validation` compares the two.
The settings of what is built (a model, a data set, a loss, ...) are the arguments in its signature: what is allowed is
said there, see `component_settings.py`. Here are the rules between sections.
"""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from ..component_settings import Component, Optimizer, Schedule, Strict
from ..configs import choice_of
from ..errors import nearest, with_nearest
from ..metrics import BINARY, METRICS, higher_is_better, names
from . import run
from .run import Checkpoint, EarlyStopping, Hardware, Tracking, Trainer

__all__ = ["Checkpoint", "Component", "EarlyStopping", "Hardware", "Settings", "Tracking", "Trainer", "run"]


class Settings(Strict):
    """The whole configuration of a run."""

    model: Component
    data: Component
    optimizer: Optimizer
    task: Component
    loss: Component
    scheduler: Schedule | None = None
    callbacks: dict[str, Component] = Field(default_factory=dict)  # Lightning callbacks, by names of your own
    hardware: Hardware = Hardware()
    tracking: Tracking | Component = Tracking()  # a component: a Lightning logger
    trainer: Trainer = Trainer()
    checkpoint: Checkpoint = Checkpoint()
    early_stopping: EarlyStopping = EarlyStopping()
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0  # of the split, the weights, the batch order and dropout
    figures: bool | None = None  # draw the pictures that explain the run; None: unless it is a job of a multirun
    sweep: Annotated[str, Field(pattern=r"^(\w[\w.+=@-]*)?$", max_length=100)] = ""  # name of the multirun, its folder
    find: Literal["lr", "batch_size"] | None = None  # only look for a good one, see finding/
    resume: str | None = None  # folder of a run to go on with
    init_from: str | None = None  # folder of a run whose weights are taken where names and shapes fit
    freeze: tuple[str, ...] = ()  # parts of the network that stay as they are: body, or a pattern such as body.*.bias
    unfreeze_epoch: PositiveInt | None = None  # from this epoch on, counted from 0, they are trained too; None: never

    @property
    def is_solved(self) -> bool:
        """Whether the model is solved at once instead of being trained in steps."""
        return self.model.states("solved_at_once")

    @property
    def is_convex(self) -> bool:
        """Whether the loss of the model has a single minimum, which it is trained to."""
        return self.model.states("convex")

    @property
    def tests_best(self) -> bool:
        """Whether the weights with the best validation are tested, and not the last."""
        return self.checkpoint.test == "best" or (self.checkpoint.test == "auto" and not self.is_convex)

    @property
    def watched(self) -> dict[str, tuple[str, str | None]]:
        """The metrics that are looked at, by the section that names each, with the mode that is given there."""
        found: dict[str, tuple[str, str | None]] = {"checkpoint": (self.checkpoint.monitor, self.checkpoint.mode)}
        if self.scheduler is not None and self.scheduler.states("watches_metric"):
            found["scheduler"] = (self.scheduler.monitor or self.checkpoint.monitor, given_mode(self.scheduler))
        for name, callback in self.callbacks.items():  # without a mode, Lightning's own defaults are nobody's mistake
            mode = given_mode(callback)
            if isinstance(metric := getattr(callback, "monitor", None), str) and mode in ("min", "max"):
                found[f"callbacks.{name}"] = metric, mode
        return found

    def mode_of(self, metric: str) -> Literal["min", "max"] | None:
        """Return whether less or more of a metric is better; None where nothing says so."""
        higher = higher_is_better(metric, self)
        if higher is None:
            return self.checkpoint.mode if metric == self.checkpoint.monitor else None
        return "max" if higher else "min"

    def plain(self) -> dict[str, Any]:
        """Return all settings as values that JSON has."""
        return self.model_dump(mode="json", by_alias=True, serialize_as_any=True)

    def chosen(self, group: str) -> str:
        """Return the words that choose a component, such as optimizer=adam, for a message."""
        target = getattr(self, group).import_path
        return f"{group}={choice_of(group, target) or target}"

    @model_validator(mode="after")
    def metrics_are_known(self) -> Self:
        """Refuse a name that no metric has, whatever the data are for; what they are for is known with them."""
        if not self.task.states("metrics_by_name"):
            return self
        known = {name for names in (*METRICS.values(), BINARY) for name in names}
        for name in getattr(self.task, "metrics", None) or ():
            if isinstance(name, str) and name not in known:
                raise ValueError(with_nearest(f"task.metrics: {name} is not a metric.", name, known))
        return self

    @model_validator(mode="after")
    def directions_are_known(self) -> Self:
        """Refuse to watch a metric where nothing says what is better, or to go the wrong way: to keep the worst."""
        for section, (metric, given) in self.watched.items():
            mode, new = self.mode_of(metric), "" if section == "checkpoint" else "+"
            if mode is None and given is None:
                like = nearest(re.split("[/_]", metric, maxsplit=1)[-1], names(self))
                raise ValueError(
                    f"{section}.monitor={metric}: nothing says whether a higher or a lower value is better. "
                    f"{like or 'Is it spelt right?'} Say it with {new}{section}.mode=max or {new}{section}.mode=min, "
                    "or state higher_is_better in the class of the metric, or of the task"
                )
            if given is not None and mode not in (None, given):
                better = "more" if mode == "max" else "less"
                raise ValueError(
                    f"{section}.mode={given} goes the wrong way: of {metric}, {better} is better. Leave it out"
                )
        return self

    @model_validator(mode="after")
    def schedule_has_what_it_needs(self) -> Self:
        """Refuse a schedule that could only fail after the first epoch."""
        if self.scheduler is None:
            return self
        watches_validation = self.watched.get("scheduler", ("", None))[0].startswith("val")
        none = {"data.val_fraction": getattr(self.data, "val_fraction", None)}
        none["trainer.limit_val_batches"] = self.trainer.limit_val_batches
        if watches_validation and 0 in none.values():
            key, name = next(key for key, value in none.items() if value == 0), self.chosen("scheduler")
            raise ValueError(f"{name} watches a metric of the validation, so it needs {key} above 0")
        if self.scheduler.asks_for("total_steps") and self.trainer.max_epochs == self.trainer.max_steps == -1:
            raise ValueError(f"{self.chosen('scheduler')} needs an end: set trainer.max_epochs or trainer.max_steps")
        return self

    @model_validator(mode="after")
    def what_is_unfrozen_was_frozen(self) -> Self:
        """Refuse an epoch without effect."""
        if self.unfreeze_epoch is not None and not self.freeze:
            raise ValueError(f"unfreeze_epoch={self.unfreeze_epoch} needs freeze: the parts that are frozen until then")
        return self

    @model_validator(mode="after")
    def a_step_sees_one_batch(self) -> Self:
        """Refuse what an optimizer cannot do that computes the loss of the same batch again and again in a step."""
        if not self.optimizer.states("reevaluates_loss"):
            return self
        name = self.chosen("optimizer")
        if self.trainer.accumulate_grad_batches > 1:
            raise ValueError(f"{name} needs trainer.accumulate_grad_batches=1; raise data.batch_size instead")
        if self.hardware.may_be_several:
            raise ValueError(f"{name} is sensitive to rounding, which differs between devices: set hardware.devices=1")
        if self.hardware.precision == "16-mixed":
            raise ValueError(f"{name} does not work with hardware.precision=16-mixed; try 32-true")
        return self

    @model_validator(mode="after")
    def something_can_be_found(self) -> Self:
        """Refuse a search where there is nothing to find."""
        if self.find is None:
            return self
        if self.is_solved:
            raise ValueError(f"find={self.find} tries a few steps; {self.model.import_path} is solved without steps")
        if self.find == "lr" and self.optimizer.states("reevaluates_loss"):
            raise ValueError(f"find=lr is not for {self.chosen('optimizer')}, which searches along each step by itself")
        if self.hardware.may_be_several:
            raise ValueError(f"find={self.find} tries on one device: hardware.devices=1")
        return self

    @model_validator(mode="after")
    def matrices_stay_whole(self) -> Self:
        """Refuse to take apart what the optimizer needs whole."""
        if self.optimizer.states("needs_whole_matrices") and self.hardware.is_sharded:
            name = self.chosen("optimizer")
            raise ValueError(f"{name} needs whole matrices, which hardware.strategy=fsdp takes apart: try adamw")
        return self

    @model_validator(mode="after")
    def one_process_solves(self) -> Self:
        """Refuse several devices, or a compiler, for a model that has no steps."""
        name = self.model.import_path.rpartition(".")[2]
        if self.is_solved and self.hardware.may_be_several:
            raise ValueError(f"{name} is solved at once, in one process: set hardware.devices=1")
        if self.is_solved and self.hardware.compile:
            raise ValueError(f"{name} is solved at once, there are no steps to compile for: hardware.compile=false")
        return self


def given_mode(component: Component) -> str | None:
    """Return the `mode` that a component was given; the default of its signature is nobody's choice."""
    return getattr(component, "mode", None) if "mode" in component.model_fields_set else None
