"""The steps of a training: each makes one part of a run, or puts it to work. `Run` has them as methods."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import (
    Callback,
    LightningDataModule,
    LightningModule,
    Trainer,
)

from ..checkpoints.last import LastCheckpoint, starting_point
from ..checkpoints.run_state import RunState
from ..checkpoints.trained import chosen_weights, whole
from ..checkpoints.transfer import take_weights
from ..data import reproducible
from ..data.generators import seed_program
from ..data.reproducible import has_batches, spec_of
from ..errors import UserError
from ..logs import adopt_lightning
from ..settings import Settings
from ..tasks import building, drawing
from ..tracking.metrics_file import MetricsFile
from ..tracking.tracker import close_tracker, log_figures, make_tracker
from . import budget, testing, trainer
from .caveats import caveats
from .directions import directions

if TYPE_CHECKING:
    from .run import Run


class Parts(NamedTuple):
    """What records a training."""

    metrics: MetricsFile
    tracker: Any
    state: RunState
    last: LastCheckpoint
    start: Path | None  # the checkpoint that it goes on from


def make_data(run: "Run") -> LightningDataModule:
    """Build the data module of a run; see `Run.make_data`."""
    adopt_lightning()
    seed_program(run.settings.seed)
    data = reproducible.make_data(run.settings, run.names)
    is_open = not any(override.lstrip("+").startswith("data.batch_size=") for override in run.recorded.overrides)
    if is_open and run.settings.optimizer.states("reevaluates_loss"):
        budget.take_whole_batches(data)
    return data


def make_task(run: "Run", data: LightningDataModule) -> LightningModule:
    """Build the task of a run; see `Run.make_task`."""
    if run.is_stage or "stages" in run.summary:  # what it draws must not depend on where the training before went on
        seed_program(run.settings.seed)
    task = building.make_task(run.settings, spec_of(data), getattr(data, "scaling", None))
    if run.settings.init_from is not None and starting_point(run) is None:
        take_weights(task, Path(run.settings.init_from))
    return task


def make_trainer(
    run: "Run",
    task: LightningModule,
    data: LightningDataModule,
    callbacks: Sequence[Callback],
    arguments: dict[str, Any],
) -> Trainer:
    """Build the Trainer of a run, and note in its folder that it begins; see `Run.make_trainer`."""
    settings, spec, start = run.settings, spec_of(data), starting_point(run)
    metrics = MetricsFile(run.folder, run.names)
    tracker = None
    if not run.is_stage:
        tracker = make_tracker(
            settings.tracking,
            run.folder,
            name=run.name,
            group=run.group,
            config=settings.plain(),
            resumed=start is not None,
        )
    if tracker is not None:
        tracker.names = run.names
    run.at_end(partial(close_tracker, tracker))
    state = RunState(settings, metrics, spec, run.names)
    last = LastCheckpoint(settings.checkpoint, run.checkpoints, run.stop)
    run.parts = Parts(metrics, tracker, state, last, start)
    validates = settings.trainer.limit_val_batches != 0 and has_batches(data, task, "val")
    made = trainer.make_trainer(
        settings,
        run,
        task,
        [tracker, metrics],  # the first is `self.logger` of a task
        state,
        last,
        validates=validates,
        more=callbacks,
        **arguments,
    )
    run.begin(made, task, spec, start, uses_model=building.asks_for_network(settings))
    return made


def fit(run: "Run", trainer: Trainer, task: LightningModule, data: LightningDataModule) -> None:
    """Train a task; see `Run.fit`."""
    with run.timed("fit"), run.stop.patiently():
        with refusals(run.settings):
            trainer.fit(task, data, ckpt_path=run.parts.start, weights_only=True)
        if flush := run.parts.last.write_final(trainer, run.parts.state):
            run.unfinished.append(flush.wait)
    if run.is_stage:
        rows = run.parts.metrics.rows
        results = {name: value for name, value in (rows[-1] if rows else {}).items() if "/" in name}
        run.summary |= {
            "status": "completed",
            "steps": trainer.global_step,
            "epochs": trainer.current_epoch,
            "metrics": results,
        }


@contextmanager
def refusals(settings: Settings) -> Iterator[None]:
    """Say by names of settings what Lightning refuses: arguments that go with no data, or not with these."""
    every, few = settings.trainer.val_check_interval, settings.trainer.overfit_batches
    try:
        yield
    except (MisconfigurationException, ValueError) as error:
        text = str(error)
        if "`val_check_interval` (" in text:
            text = (
                f"trainer.val_check_interval={every} is more than the batches of an epoch. Without it, every epoch "
                "ends with a validation; trainer.check_val_every_n_epoch=null counts its steps across epochs"
            )
        elif not isinstance(error, MisconfigurationException):
            raise
        if few:  # see trainer.make_trainer
            text = re.sub("limit_(train|val)_batches", "overfit_batches", text)
        raise UserError(text) from error


def test(run: "Run", trainer: Trainer, task: LightningModule, data: LightningDataModule) -> dict[str, float]:
    """Test the weights that were chosen; see `Run.test`."""
    settings, rows = run.settings, run.parts.metrics.rows
    with run.timed("test"):
        checkpoint, values = chosen_weights(trainer, settings, run.checkpoints, rows)
        task = whole(task, settings, spec_of(data))
        has_test = has_batches(data, task, "test")
        with refusals(settings):
            tested = testing.test(trainer, task, data, settings.seed, checkpoint, run.names) if has_test else {}
    run.tested = task, checkpoint
    better = directions(settings, task, trainer, run.names, [*values, *tested])
    found = [*caveats(settings, trainer, rows, tested), *getattr(data, "caveats", ())]
    run.conclude(checkpoint, values, tested, better, found)
    return tested


def draw(run: "Run", task: LightningModule, data: LightningDataModule) -> None:
    """Draw the figures of a run; see `Run.draw`."""
    if run.settings.figures or (run.settings.figures is None and not run.is_job):
        task, checkpoint = run.tested or (task, None)
        task = whole(task, run.settings, spec_of(data), checkpoint)
        log_figures(run.parts.tracker, drawing.draw(task, data, run.parts.metrics.rows, run.folder))
