"""Ends a run of a search early where Optuna's pruner sees no hope for it."""

import math
from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from lightning.pytorch import Callback, LightningModule, Trainer
from loguru import logger
from optuna.trial import Trial

from ..checkpoints.last import LastCheckpoint
from ..errors import first_line
from .study import join_trial, read_settings


@dataclass(eq=False)
class ReportToStudy(Callback):
    """Reports the metric of each epoch to the study, and asks the run to stop where the pruner gives it up.

    It stops before the next step: with a checkpoint, from which it could go on.
    """

    trial: Trial
    metric: str  # what is reported
    last: LastCheckpoint  # writes the checkpoint and ends the run

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the epoch before: only now are all its metrics known."""
        if not trainer.fit_loop.restarted_mid_epoch and self.gives_up(trainer):
            self.last.pruned = f"pruned after epoch {trainer.current_epoch}"

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Report the last epoch, after which there is nothing left to save."""
        self.gives_up(trainer)

    def gives_up(self, trainer: Trainer) -> bool:
        """Report the latest value and return what the pruner says."""
        value = float(trainer.callback_metrics.get(self.metric, math.nan))
        if math.isfinite(value):
            try:
                self.trial.report(value, step=trainer.current_epoch)
                return self.trial.should_prune()
            except OSError as error:  # a full disk is no reason to lose the run
                logger.warning("The study does not learn of epoch {}: {}", trainer.current_epoch, first_line(error))
        return False


def report_to_study(last: LastCheckpoint) -> ReportToStudy:
    """Return the callback of a run that belongs to a trial of a search with a pruner."""
    hydra = HydraConfig.get()
    settings = read_settings(hydra.sweeper)
    trial = join_trial(Path(hydra.sweep.dir), settings, str(hydra.sweep.subdir))
    return ReportToStudy(trial, settings.metric[0], last)
