"""Stochastic weight averaging, as Lightning's averages of weights do it: what is validated is what is kept."""

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging


class SWA(WeightAveraging):
    """Stochastic weight averaging, Izmailov et al. 2018: the mean of the weights after each epoch from one on.

    Until then validation sees the weights of the training. Networks with batch normalisation average its statistics.

    Args:
        from_epoch: the first epoch whose weights count, counted from 0.
    """

    def __init__(self, from_epoch: int = 10) -> None:
        super().__init__()
        self.from_epoch = from_epoch

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        """Say whether to average now: at the end of an epoch that counts."""
        return epoch_idx is not None and epoch_idx >= self.from_epoch

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Validate the mean, once there is one."""
        if self._latest_update_epoch >= self.from_epoch:
            super().on_validation_epoch_start(trainer, pl_module)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Go on with the weights of the training."""
        if self._latest_update_epoch >= self.from_epoch:
            super().on_validation_epoch_end(trainer, pl_module)
