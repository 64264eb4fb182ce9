"""A run as train.py tells its story: data, task, trainer, fit, test, figures. Imports torch when it makes something."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from omegaconf import DictConfig, OmegaConf

from ..errors import UserError
from ..metrics.metric_names import MetricNames
from ..run_folder.record import RunRecord
from ..run_folder.resuming import refuse_longer_stage
from ..validation import check

OTHER_FOLDERS = ("checkpoints", "figures", "wandb", "csv", "tensorboard", "report")  # of a run

if TYPE_CHECKING:
    from lightning.pytorch import (
        Callback,
        LightningDataModule,
        LightningModule,
        Trainer,
    )

    from .steps import Parts


class Run(RunRecord):
    """What a run is made of, one part after the other, each as its settings name it.

    Attributes:
        settings: of the run, checked.
        folder: where it leaves what it leaves.
        summary: what `summary.json` will hold.
    """

    names: MetricNames
    parts: "Parts"  # of the training, once there is a trainer
    tested: "tuple[LightningModule, Path] | None" = None  # the task with all of its weights, and their checkpoint

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self.names = MetricNames()

    def make_data(self) -> "LightningDataModule":
        """Build the data module that `data=` names, and let it load what a training needs.

        Raises:
            UserError: its settings do not go with its data.
        """
        with self.starting() as steps:
            return steps.make_data(self)

    def make_task(self, data: "LightningDataModule") -> "LightningModule":
        """Build the task that `task=` names for these data, with what it asks for: network, loss, optimizer, ...

        Raises:
            UserError: the model, the loss or the task cannot serve these data.
        """
        with self.starting() as steps:
            return steps.make_task(self, data)

    def make_trainer(
        self,
        task: "LightningModule",
        data: "LightningDataModule",
        callbacks: "Sequence[Callback]" = (),
        **arguments: Any,
    ) -> "Trainer":
        """Build Lightning's Trainer, with checkpoints, metrics.csv, the tracker, and what `callbacks=` names.

        Args:
            task: that is trained.
            data: that it is trained on.
            callbacks: beside those of the settings.
            arguments: of the Trainer that are no settings, which the run would not record.

        Raises:
            UserError: the hardware is not there, a metric is watched that is not measured, or an argument is a setting.
        """
        with self.starting() as steps:
            return steps.make_trainer(self, task, data, callbacks, arguments)

    def fit(self, trainer: "Trainer", task: "LightningModule", data: "LightningDataModule") -> None:
        """Train the task; go on from the last checkpoint where the run was stopped before.

        Raises:
            UserError: Lightning cannot train this task in this way, such as by hand with gradients to be clipped.
        """
        from .steps import fit

        fit(self, trainer, task, data)

    def test(self, trainer: "Trainer", task: "LightningModule", data: "LightningDataModule") -> dict[str, float]:
        """Test the weights that `checkpoint.test` names, note the results, and return them by their names."""
        from .steps import test

        return test(self, trainer, task, data)

    def draw(self, task: "LightningModule", data: "LightningDataModule") -> None:
        """Draw the figures that explain the run, unless `figures=` says no; the tracker receives them too."""
        from .steps import draw

        draw(self, task, data)

    def stage(self, name: str, **changes: Any) -> "Run":
        """Return a training that is a part of this run, such as a pretraining, before the one that is tested.

        Its metrics and checkpoints lie in a folder of that name within the run's, and its results stand under `stages`
        in the summary. It goes on, or is taken over whole, when the run goes on; a run that is to be trained longer
        asks for a stage with a length of its own. A tracker is told of the last training alone.

        Args:
            name: of the folder.
            changes: sections of the settings that differ: trainer={"max_epochs": 5}. One with a `_target_` is another
                component, with its own settings only.

        Raises:
            UserError: a change is no setting, the name cannot be that of a new folder, or the run is trained longer
                and the stage would be, too.
        """
        if not name.isidentifier() or name in OTHER_FOLDERS:
            raise UserError(f"stage {name!r}: it names a folder of the run, so it must be a word, such as pretraining")
        if name in self.summary.get("stages", {}) or self.is_stage:
            raise UserError(f"stage {name!r}: a run has one stage of that name, and a stage has none of its own")
        refuse_longer_stage(name, changes.get("trainer", {}), self.recorded.changes, self.before)
        stage = copy.copy(self)
        given = OmegaConf.create(self.settings.plain())
        for key, change in changes.items():
            if isinstance(change, dict) and "_target_" in change:
                given[key] = {}
        new = check(cast(DictConfig, OmegaConf.merge(given, changes)))
        stage.settings = self.settings.model_copy(update={key: getattr(new, key) for key in changes})
        stage.folder = self.folder / name
        stage.folder.mkdir(exist_ok=True)
        stage.name = f"{self.name}/{name}"
        stage.is_stage, stage.is_trial = True, False
        stage.names = MetricNames()
        stage.summary = {"status": "unfinished", "seconds": {}, "metrics": {}, "checkpoint": {}}
        self.summary.setdefault("stages", {})[name] = stage.summary
        return stage

    @contextmanager
    def starting(self) -> Iterator[ModuleType]:
        """Note the time inside as that of the start, and yield the steps of a training."""
        from .imports import announced, quick_imports

        with self.timed("startup"):
            with announced(self.is_alone and self.is_first_rank), quick_imports():
                from ..tracking.tracker import import_tracker
                from . import steps

                import_tracker(self.settings.tracking)
            yield steps
