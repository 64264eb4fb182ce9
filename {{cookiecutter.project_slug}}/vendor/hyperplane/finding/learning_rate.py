"""The learning rate at which the loss falls fastest while the rate is raised with every step.

Source: Smith 2017, Cyclical learning rates for training neural networks, https://arxiv.org/abs/1506.01186.
"""

import math
from typing import Any

import numpy as np
from lightning.pytorch import LightningModule, Trainer

from ..errors import UserError
from ..loop.lean_loop import Listener
from ..run_folder.record import RunRecord
from . import Found
from .short_training import train_shortly

LOWEST, HIGHEST, PER_DECADE = 1e-6, 10.0, 20  # the rates that are tried, and how many from one to ten times it
GROWN = 4.0  # the loss is this many times its lowest: higher rates tell nothing more
SMOOTHING = 0.9  # of the losses, one batch after the other
UNSETTLED = 10  # of the first smoothed losses
WINDOW = 10  # rates, half of ten times: over fewer, the luck of single batches decides


def find_learning_rate(run: RunRecord, data: Any) -> Found:
    """Return the rate at which the loss falls fastest, and the smoothed loss of all that were tried.

    Raises:
        UserError: it falls at none.
    """
    test = RangeTest()
    train_shortly(run, data, test, max_steps=len(test.rates))
    fastest = steepest(test.losses)
    if fastest is None:
        raise UserError(
            f"find=lr: the loss fell at no learning rate from {LOWEST:g} to {HIGHEST:g}; try another seed, or optimizer"
        )
    finite = {rate: round(loss, 6) for rate, loss in zip(test.rates, test.losses, strict=False) if math.isfinite(loss)}
    setting = "optimizer.lr" if run.settings.task.asks_for("optimizer") else "lr"  # of a task's own optimizer
    return Found(setting, float(f"{test.rates[fastest]:.2g}"), finite)


class RangeTest(Listener):
    """Raises the learning rate by the same factor after every step, and ends the training when the loss has grown."""

    def __init__(self) -> None:
        count = round(math.log10(HIGHEST / LOWEST) * PER_DECADE) + 1
        self.rates = [float(f"{rate:.3g}") for rate in np.geomspace(LOWEST, HIGHEST, count)]
        self.losses: list[float] = []  # smoothed, one for each rate that was tried
        self.mean = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        set_rate(trainer, self.rates[0])

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the loss that the step before led to, and set the next rate."""
        step = trainer.global_step
        if step == len(self.losses):  # gradients are still being summed
            return
        loss = outputs["loss"].item() * trainer.accumulate_grad_batches  # which Lightning has divided by
        self.mean = SMOOTHING * self.mean + (1 - SMOOTHING) * loss
        self.losses.append(self.mean / (1 - SMOOTHING**step))  # as Adam's means: without a pull towards 0
        if not self.losses[-1] < GROWN * min(self.losses):  # so that NaN ends it as well
            trainer.should_stop = True
        elif step < len(self.rates):
            set_rate(trainer, self.rates[step])


def set_rate(trainer: Trainer, rate: float) -> None:
    for group in trainer.optimizers[0].param_groups:
        group["lr"] = rate


def steepest(losses: list[float]) -> int | None:
    """Return the number of the rate around which the loss falls fastest, on a logarithmic axis; None: it never does.

    The first losses are left out, since few batches are in their mean, and so is what comes after the lowest loss:
    there the training breaks down.
    """
    values = np.array([loss if math.isfinite(loss) else math.inf for loss in losses])
    values = values[UNSETTLED : int(values.argmin()) + 1]
    if len(values) <= WINDOW:
        return None
    falls = values[:-WINDOW] - values[WINDOW:]
    return UNSETTLED + WINDOW // 2 + int(falls.argmax()) if falls.max() > 0 else None
