"""How a run shows where it is: a bar on a terminal, plain lines in a log file."""

import time
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from loguru import logger

SECONDS_BETWEEN_LINES = 10.0


class ProgressLines(Callback):
    """Logs a line about the epoch that ended, at most every ten seconds.

    Args:
        prefix: tells this run from others that log at the same time.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
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
        logger.info("{}  {}", where, line(trainer.callback_metrics))


def line(metrics: dict[str, Any]) -> str:
    """Return metrics in one line: `train/loss 0.123 val/accuracy 0.456`."""
    return "  ".join(f"{name} {float(value):.4g}" for name, value in metrics.items())
