"""Ends a run whose loss is no longer a finite number; a `Task` looks at its losses itself."""

from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from ..tasks.epoch_metrics import Diverged

LOSSES_AT_ONCE = 50  # each look waits for the device


class FiniteLoss(Callback):
    """Looks at the losses that `training_step` returns, many at once, and before each validation."""

    def __init__(self) -> None:
        self.losses: list[Tensor] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Keep the loss, if the step returned one."""
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, Tensor):
            self.losses.append(loss.detach())
        if len(self.losses) == LOSSES_AT_ONCE:
            self.look()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look before a validation, which would only tell that something went wrong."""
        self.look()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.look()

    def look(self) -> None:
        """Look at the losses that were kept.

        Raises:
            Diverged: one of them is not finite.
        """
        losses, self.losses = self.losses, []
        if losses and not torch.stack(losses).isfinite().all():
            first = next(number for number, loss in enumerate(losses) if not loss.isfinite())
            raise Diverged("loss", float(losses[first]), len(losses) - first, losses[first - 1] if first else None)
