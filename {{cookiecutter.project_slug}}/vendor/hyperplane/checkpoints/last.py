"""`last.ckpt`: where a run goes on after a stop, a kill or a power cut."""

import json
import math
import time
from pathlib import Path
from typing import cast

from lightning.pytorch import Trainer
from lightning.pytorch.strategies import SingleDeviceStrategy
from loguru import logger

from ..errors import UserError, first_line
from ..loop.lean_loop import LeanEpochLoop
from ..paths import shown
from ..processes.collectives import are_several, broadcast, of_all_ranks
from ..processes.signals import Pruned, Stopped, StopRequest
from ..run_folder.integrity import is_unchanged
from ..run_folder.record import RunRecord
from ..run_folder.requeue import was_requeued
from ..run_folder.resuming import IDENTITY, SAME_TRAINING, first_difference
from ..settings import Checkpoint
from ..tasks.task import Task
from .best import BestCheckpoint
from .file import LAST, LATER, PREVIOUS, Flush, read
from .run_state import RunState


class LastCheckpoint:
    """Writes `last.ckpt` between two steps: when it is time, and when the run is asked to stop."""

    def __init__(self, settings: Checkpoint, folder: Path, stop: StopRequest) -> None:
        self.settings = settings
        self.path = folder / LAST
        self.stop = stop
        self.seconds = math.inf if settings.every_n_minutes is None else 60 * settings.every_n_minutes
        self.counts = settings.every_n_steps is not None or settings.every_n_epochs is not None
        self.time = time.monotonic()
        self.step: int | None = None  # of the checkpoint that is there
        self.pruned = ""  # why a search has given up this run

    def between_steps(self, trainer: Trainer) -> None:
        """Write a checkpoint if it is time, and obey a request to stop.

        Raises:
            Stopped: a signal has come; the checkpoint is written.
            Pruned: a search has given this run up; the checkpoint is written.
        """
        asks = self.stop.number or self.pruned or self.counts or time.monotonic() - self.time > self.seconds
        if self.step is not None and not asks and not are_several():  # before almost every step of a small model
            return
        step = trainer.global_step
        if self.step is None:
            self.step = step  # 0, or where the run goes on
        progress = trainer.fit_loop.epoch_loop.batch_progress.current
        is_due, signal, is_pruned = broadcast(
            self.is_due(trainer, step, progress.ready), self.stop.number or 0, bool(self.pruned)
        )
        # Half-summed gradients are not saved.
        if not (is_due or signal or is_pruned) or progress.ready % trainer.accumulate_grad_batches:
            return
        if step != self.step:
            self.write(trainer)
        if signal:
            raise Stopped(signal)
        if is_pruned:
            raise Pruned(self.pruned)

    def is_due(self, trainer: Trainer, step: int, batches: int) -> bool:
        """Say whether the settings ask for a checkpoint after `step` steps, `batches` batches into this epoch."""
        steps, epochs = self.settings.every_n_steps, self.settings.every_n_epochs
        if step == self.step:
            return False
        return (
            time.monotonic() - self.time > self.seconds
            or (steps is not None and step % steps == 0)
            or (epochs is not None and batches == 0 and trainer.current_epoch % epochs == 0)
        )

    def write(self, trainer: Trainer) -> None:
        """Write the checkpoint, unless the weights are not finite any more: the one before is worth more then.

        A disk that is full for a while does not end a run; at the end of the run it does.
        """
        task = trainer.lightning_module
        if isinstance(task, Task):
            task.train_metrics.check()
        if not all(of_all_ranks(all(bool(weights.isfinite().all()) for weights in task.parameters()))):
            return
        self.time, self.step = time.monotonic(), trainer.global_step
        try:
            trainer.save_checkpoint(self.path, weights_only=False)
        except (OSError, RuntimeError) as error:
            logger.warning("{} could not be written; the previous one is kept: {}", shown(self.path), first_line(error))

    def write_final(self, trainer: Trainer, state: RunState) -> Flush | None:
        """Write the checkpoint of a training that has ended; return what to wait for before the run is completed.

        Raises:
            OSError or RuntimeError: it cannot be written.
        """
        is_alone = type(trainer.strategy) is SingleDeviceStrategy  # others take no storage options
        if not state.is_trained:
            state.is_trained = True
            cast(LeanEpochLoop, trainer.fit_loop.epoch_loop).advance_epoch()
            trainer.save_checkpoint(self.path, weights_only=False, storage_options=LATER if is_alone else None)
            task = trainer.lightning_module
            if isinstance(task, Task) and task.is_solved:
                for best in trainer.checkpoint_callbacks:
                    if isinstance(best, BestCheckpoint):
                        best.share(self.path)
        return Flush(self.path) if is_alone else None


def starting_point(run: RunRecord) -> Path | None:
    """Return the checkpoint that the run in `run.folder` goes on from, or None if it starts anew.

    What goes on: a run that was asked to (`resume=`), a job of a sweep, a run that SLURM has requeued. A checkpoint
    that is damaged, or belongs to other settings, is named, and the one before it is taken.

    Raises:
        UserError: the run was asked to go on (`resume=`), and all that it left is of no use.
    """
    if not (run.settings.resume or run.is_job or was_requeued()):
        return None
    groups = IDENTITY if run.settings.resume else SAME_TRAINING
    refused = []
    for name in (LAST, PREVIOUS):
        path = run.checkpoints / name
        if not path.exists():
            continue
        try:
            if not is_unchanged(path, run.root, run.before):
                raise UserError(f"{shown(path)} is not the file that the run wrote")
            state = read(path, lazily=True)["run_state"]
            difference = first_difference(json.loads(state["settings"]), run.settings, groups)
            if difference:
                raise UserError(f"{shown(path)} belongs to other settings: {difference}")
        except (UserError, OSError, KeyError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, UserError) else f"{shown(path)} is damaged: {error}"
            logger.warning("{}.", reason)
            refused.append(reason)
            continue
        return path
    if refused and run.settings.resume:
        raise UserError("The run cannot be resumed:\n" + "\n".join(refused))
    return None
