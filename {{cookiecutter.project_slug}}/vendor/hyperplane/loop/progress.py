"""How a run shows where it is: a bar on a terminal, plain lines in a log file."""

import math
import time
from multiprocessing import parent_process
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from loguru import logger
from tqdm import tqdm

from ..terminal import is_drawn_on

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_DRAWINGS = 0.1


class ProgressLines(Callback):
    """Logs a line about the epoch that ended, at most every ten seconds.

    The prefix tells this run from others that log at the same time; lines of the level DEBUG are for `train.log` alone.
    """

    def __init__(self, prefix: str = "", level: str = "INFO") -> None:
        self.prefix = prefix
        self.level = level
        self.last_line = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start the clock: short runs need no lines."""
        self.last_line = time.monotonic()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log epoch, step and the latest metrics."""
        if time.monotonic() - self.last_line < SECONDS_BETWEEN_LINES:
            return
        self.last_line = time.monotonic()
        where = f"{self.prefix}epoch {trainer.current_epoch + 1} step {trainer.global_step}"
        logger.log(self.level, "{}  {}", where, line(trainer.callback_metrics))


class Bar(ProgressBar):
    """One line on a terminal: where the run is, how fast, and its latest metrics.

    It is drawn ten times a second at most, as that takes as long as several steps of a small model; Lightning's own
    bars are drawn anew with every epoch and every validation.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bar: tqdm | None = None
        self.drawn_at = -math.inf
        self.steps, self.seconds = 0, 0.0  # when the speed was measured last

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.draw(f"epoch {trainer.current_epoch + 1}", batch_idx, self.total_train_batches)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.draw(f"epoch {trainer.current_epoch + 1}, validation", batch_idx, self.total_val_batches)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        self.draw("test", batch_idx, sum(trainer.num_test_batches))

    def draw(self, where: str, batch_idx: int, total: float) -> None:
        """Draw the bar, unless it was drawn just now."""
        now = time.monotonic()
        if now - self.drawn_at < SECONDS_BETWEEN_DRAWINGS:
            return
        self.drawn_at = now
        if self.bar is None:
            form = "{desc} |{bar:10}| {n_fmt}/{total_fmt}{postfix}"
            below = int(parent_process() is not None and is_drawn_on())  # of the line that a multirun has
            self.bar = tqdm(bar_format=form, leave=False, dynamic_ncols=True, delay=1e-9, position=below)  # not empty
        speed = (self.trainer.global_step - self.steps) / (now - self.seconds)
        self.steps, self.seconds = self.trainer.global_step, now
        self.bar.total = None if math.isinf(total) else int(total)
        self.bar.n = batch_idx + 1
        self.bar.set_description_str(where, refresh=False)
        rate = f"{speed:.0f}" if speed >= 10 else f"{speed:.2g}"
        self.bar.set_postfix_str(f"{rate} steps/s  {line(self.trainer.callback_metrics)}", refresh=False)
        self.bar.refresh()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.steps, self.seconds = trainer.global_step, time.monotonic()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the bar away: what is logged next says how it ended."""
        if self.bar is not None:
            self.bar.close()
        self.bar = None

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.teardown(trainer, pl_module, "")

    def disable(self) -> None:
        """Draw nothing: another rank does."""
        self.drawn_at = math.inf


def line(metrics: dict[str, Any]) -> str:
    """Return metrics in one line: `train/loss 0.123 val/accuracy 0.456`."""
    return "  ".join(f"{name} {float(value):.4g}" for name, value in metrics.items())
