"""Every setting: its type, its range, its default, and one line that says what it means.

The YAML files under `configs/` choose values; the classes here say what is allowed, and `checking.py` compares the two.
The settings of a model, a data set, a loss, an optimizer or a schedule are the arguments that it is called with.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from ..components import Component, Strict
from ..metrics import higher_is_better
from . import data, learning, models, run
from .data import Data
from .learning import LBFGS, Muon, Plateau, Timed
from .run import Checkpoint, EarlyStopping, Hardware, Tracking, Trainer

__all__ = [
    "Checkpoint",
    "Component",
    "EarlyStopping",
    "Hardware",
    "Settings",
    "Tracking",
    "Trainer",
    "data",
    "learning",
    "models",
    "run",
]


class Settings(Strict):
    """The whole configuration of a run."""

    model: Component
    data: Component
    optimizer: Component
    task: Component | None = None  # None: what follows from the data
    scheduler: Component | None = None
    loss: Component | None = None
    callbacks: dict[str, Component] = {}  # Lightning callbacks, by names of your own
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
        return isinstance(self.model, models.KernelSVM | models.Sklearn)

    @property
    def monitor_mode(self) -> Literal["min", "max"] | None:
        """Whether less or more of `checkpoint.monitor` is better; None where neither it nor the metric says so."""
        higher = higher_is_better(self.checkpoint.monitor, self)
        return self.checkpoint.mode if higher is None else ("max" if higher else "min")

    def plain(self) -> dict[str, Any]:
        """Return all settings as values that JSON has."""
        return self.model_dump(mode="json", by_alias=True, serialize_as_any=True)

    @model_validator(mode="after")
    def mode_follows_from_the_metric(self) -> Self:
        """Refuse to keep the worst weights."""
        mode, monitor = self.checkpoint.mode, self.checkpoint.monitor
        if mode is not None and mode != self.monitor_mode:
            better = "more" if self.monitor_mode == "max" else "less"
            raise ValueError(
                f"checkpoint.mode={mode} would keep the worst weights: of {monitor}, {better} is better. Leave it out"
            )
        return self

    @model_validator(mode="after")
    def schedule_has_what_it_needs(self) -> Self:
        """Refuse a schedule that could only fail after the first epoch."""
        if isinstance(self.scheduler, Plateau) and isinstance(self.data, Data) and self.data.val_fraction == 0:
            raise ValueError("scheduler=plateau watches the validation loss, so it needs data.val_fraction above 0")
        if isinstance(self.scheduler, Timed) and self.trainer.max_epochs == self.trainer.max_steps == -1:
            name = self.scheduler.import_path.rpartition(".")[2]
            raise ValueError(f"scheduler={name} needs an end: set trainer.max_epochs or trainer.max_steps")
        return self

    @model_validator(mode="after")
    def lbfgs_sees_one_batch_at_a_time(self) -> Self:
        """Refuse what L-BFGS cannot do: it computes the loss of the same batch again and again within a step."""
        if isinstance(self.optimizer, LBFGS) and self.trainer.accumulate_grad_batches > 1:
            raise ValueError("optimizer=lbfgs needs trainer.accumulate_grad_batches=1; raise data.batch_size instead")
        if isinstance(self.optimizer, LBFGS) and self.hardware.may_be_several:
            raise ValueError(
                "optimizer=lbfgs makes much of the last digits, which depend on who sums: hardware.devices=1"
            )
        if isinstance(self.optimizer, LBFGS) and self.hardware.precision == "16-mixed":
            raise ValueError("optimizer=lbfgs does not work with hardware.precision=16-mixed; try 32-true")
        return self

    @model_validator(mode="after")
    def something_can_be_found(self) -> Self:
        """Refuse a search where there is nothing to find."""
        if self.find is None:
            return self
        if self.is_solved:
            raise ValueError(f"find={self.find} tries a few steps; {self.model.import_path} is solved without steps")
        if self.find == "lr" and isinstance(self.optimizer, LBFGS):
            raise ValueError("find=lr is not for optimizer=lbfgs, which searches along each step by itself")
        if self.hardware.may_be_several:
            raise ValueError(f"find={self.find} tries on one device: hardware.devices=1")
        return self

    @model_validator(mode="after")
    def muon_sees_whole_matrices(self) -> Self:
        """Refuse to take apart what the optimizer needs whole."""
        if isinstance(self.optimizer, Muon) and self.hardware.is_sharded:
            raise ValueError("optimizer=muon needs whole matrices, which hardware.strategy=fsdp takes apart: try adamw")
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
