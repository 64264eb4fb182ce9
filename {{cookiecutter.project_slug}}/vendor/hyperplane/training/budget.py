"""How long a run trains that was not told how long: in epochs where they are long, in steps where they are short.

Twenty epochs of a table with 150 rows are forty steps, and no model has learned anything by then.
"""

import math
import time

from lightning.pytorch import Callback, LightningDataModule, LightningModule, Trainer
from loguru import logger

from ..data.datamodule import ArrayDataModule
from ..data.panels.datamodule import PanelDataModule
from ..data.reproducible import spec_of
from ..settings import Settings
from ..sweeps.plan import in_words
from ..turns import current

EPOCHS = 20
MEASURED, LONG = 5, 60  # seconds of epochs that tell how long the others take, and of those that are worth a line
STEPS = 500
CONVEX_STEPS = 2000  # after so many, down along half a cosine, linear models are where scikit-learn's solvers end


def first_epochs(settings: Settings) -> int:
    """Return the epochs of `trainer.max_epochs=auto` before the number of batches is known; -1: no limit."""
    return EPOCHS if settings.trainer.max_steps == -1 else -1


def least_steps(settings: Settings) -> int:
    """Return the steps that `trainer.max_epochs=auto` makes at least.

    None are added for an optimizer that makes many moves in each step.
    """
    stated = settings.trainer.least_steps
    if stated is not None or settings.optimizer.states("reevaluates_loss"):
        return stated or 0
    return CONVEX_STEPS if settings.is_convex else STEPS


class Budget(Callback):
    """Adds epochs to a run on few samples, once it is known how many batches one has; says how long a run takes."""

    def __init__(self, settings: Settings) -> None:
        self.least_steps = least_steps(settings)
        self.first: tuple[float, int] | None = None  # when the first epoch ended, and its number
        self.is_told = False

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Set `max_epochs` before a schedule asks how many steps there will be."""
        if stage != "fit" or trainer.max_epochs != EPOCHS:
            return
        trainer.fit_loop.setup_data()
        batches = trainer.num_training_batches
        if math.isinf(batches) or not batches:
            return
        steps = math.ceil(batches / trainer.accumulate_grad_batches)
        epochs = math.ceil(self.least_steps / steps)
        if epochs > EPOCHS:
            trainer.fit_loop.max_epochs = epochs
            logger.info(
                "Trains for {} epochs: {} would be only {} steps, and the minimum is {}. "
                "trainer.max_epochs=... sets another number",
                epochs,
                EPOCHS,
                steps * EPOCHS,
                self.least_steps,
            )

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say once how long the other epochs take, if that is minutes; the first does more than train."""
        now, done, last = time.monotonic(), trainer.current_epoch + 1, trainer.max_epochs or 0
        self.first = self.first or (now, done)
        start, before = self.first
        if self.is_told or now - start < MEASURED:
            return
        self.is_told = True
        left = (now - start) / (done - before) * (last - done)
        if left > LONG and current() is None:  # members of a stack would all say so
            logger.info("About {} left until epoch {}. trainer.max_epochs=... sets fewer epochs", in_words(left), last)


def take_whole_batches(data: LightningDataModule) -> None:
    """Let all training samples in memory be one batch, for an optimizer that searches along a line with the same one.

    What it remembers of one batch is wrong for the next.
    """
    if not isinstance(data, ArrayDataModule | PanelDataModule):
        logger.warning("This optimizer needs all samples in one batch, but these data come in several")
        return
    samples = spec_of(data).train_size
    if samples > data.batch_size:
        logger.info(
            "Each step uses all {} training samples, as this optimizer needs. data.batch_size=... sets another number",
            samples,
        )
        data.batch_size = samples
