"""Stochastic weight averaging, as Lightning's averages of weights do it: what is validated is what is kept."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from pydantic import NonNegativeInt


class SWA(WeightAveraging):
    """Stochastic weight averaging, Izmailov et al. 2018: the mean of the weights after each epoch from one on.

    Until then validation sees the weights of the training. Networks with batch normalisation average its statistics.
    """

    def __init__(
        self,
        from_epoch: NonNegativeInt = 10,  # the first epoch whose weights count, counted from 0
    ) -> None:
        super().__init__()
        self.from_epoch = from_epoch

    @property
    def has_begun(self) -> bool:
        """Whether there is a mean; until then everything goes on as without."""
        return self._average_model is not None and int(self._average_model.n_averaged) > 0

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Say whether to average now: at the end of an epoch that counts."""
        return epoch_idx is not None and epoch_idx >= self.from_epoch

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validate the mean."""
        if self.has_begun:
            super().on_validation_epoch_start(trainer, pl_module)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on with the weights of the training."""
        if self.has_begun:
            super().on_validation_epoch_end(trainer, pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Keep the mean as the weights, and beside it what the training goes on with."""
        weights = checkpoint["state_dict"]
        super().on_save_checkpoint(trainer, pl_module, checkpoint)
        if not self.has_begun:
            checkpoint["state_dict"] = weights

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.has_begun:
            super().on_train_end(trainer, pl_module)
