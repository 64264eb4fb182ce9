"""Refuses steps that would be made of more batches than an epoch has."""

from lightning.pytorch import Callback, LightningModule, Trainer

from ..errors import UserError


class WholeSteps(Callback):
    """Compares `trainer.accumulate_grad_batches` with the batches of an epoch, when they are known.

    Lightning divides each loss by the former, and takes a step at the end of an epoch whatever has come: the gradients
    would be too small by the ratio of both, without a word.
    """

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compare them.

        Raises:
            UserError: an epoch has fewer batches.
        """
        asked, batches = trainer.accumulate_grad_batches, trainer.num_training_batches
        if asked > batches and not trainer.fast_dev_run:  # type: ignore[attr-defined]
            raise UserError(
                f"trainer.accumulate_grad_batches={asked} sums the gradients of {asked} batches for a step, but an "
                f"epoch has {batches}: its only step would be {batches / asked:.2g} times as large as asked for. Ask "
                f"for at most {batches}, or raise data.batch_size instead"
            )
