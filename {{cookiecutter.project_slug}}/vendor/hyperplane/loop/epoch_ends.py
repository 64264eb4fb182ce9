"""Logs what a `Task` has measured at the end of an epoch, before other callbacks look for it."""

from lightning.pytorch import Callback, LightningModule, Trainer

from ..tasks.measuring import Measuring


class EpochEnds(Callback):
    """The first callback of a run: as with `self.log`, the others find the metrics of the epoch that ends, not before.

    They are logged as well where a subclass has hooks of its own, which call no `super()`: in Lightning none need to.
    """

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if isinstance(pl_module, Measuring):
            Measuring.on_train_epoch_end(pl_module)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if isinstance(pl_module, Measuring):
            Measuring.on_validation_epoch_end(pl_module)

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if isinstance(pl_module, Measuring):
            Measuring.on_test_epoch_end(pl_module)
