"""What a run is made of: its data, its task, what records it, and the Trainer."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from lightning.pytorch import LightningDataModule, LightningModule, Trainer, seed_everything

from ..data.reproducible import has_batches, make_data, spec_of
from ..data.spec import DataSpec
from ..logs import adopt_lightning
from ..tasks.building import asks_for_network, make_task
from ..tracking.metric_names import MetricNames
from ..tracking.metrics_file import MetricsFile
from ..tracking.tracker import conclude, make_tracker
from ..checkpoints.last import LastCheckpoint, starting_point
from ..run_folder.run import Run
from ..checkpoints.run_state import RunState
from .trainer import make_trainer
from ..checkpoints.transfer import take_weights


class Parts(NamedTuple):
    """What `fit_and_test` works with."""

    data: LightningDataModule
    spec: DataSpec  # of the data
    task: LightningModule
    trainer: Trainer
    start: Path | None  # the checkpoint that the run goes on from
    names: MetricNames
    metrics: MetricsFile
    tracker: Any
    state: RunState
    last: LastCheckpoint


def assemble(run: Run) -> Parts:
    """Make what a run needs, and note in its folder that it begins.

    Raises:
        UserError: its parts do not go together.
    """
    settings, names = run.settings, MetricNames()
    adopt_lightning()
    seed_everything(settings.seed, verbose=False)
    data = make_data(settings, names)
    spec = spec_of(data)
    task = make_task(settings, spec, getattr(data, "scaling", None))
    start = starting_point(run)
    if settings.init_from is not None and start is None:
        take_weights(task, Path(settings.init_from))

    metrics = MetricsFile(run.folder, names)
    tracker = make_tracker(
        settings.tracking,
        run.folder,
        name=run.name,
        group=run.group,
        config=settings.plain(),
        resumed=start is not None,
    )
    if tracker is not None:
        tracker.names = names
    run.at_end(partial(conclude, tracker))
    state = RunState(settings, metrics, spec, names)
    last = LastCheckpoint(settings.checkpoint, run.checkpoints, run.stop)
    validates = has_batches(data, task, "val")
    trainer = make_trainer(settings, run, task, [metrics, tracker], state, last, validates=validates)
    run.begin(trainer, task, spec, start, uses_model=asks_for_network(settings))
    return Parts(data, spec, task, trainer, start, names, metrics, tracker, state, last)
