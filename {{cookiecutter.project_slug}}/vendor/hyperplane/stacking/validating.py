"""The validation of a member, which is computed with those of the others where it can be (`epoch_end.py`)."""

from typing import Any

from torch import Tensor

from ..loop.lean_validation import LeanValidation
from ..tasks.task import Task
from .drawing import takes_many
from .member import Validated


class StackedValidation(LeanValidation):
    """A validation that takes over what was computed for all members, as long as the weights are those of then."""

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self.validated: Validated | None = None

    def batch_ahead(self) -> list[Tensor] | None:
        """Return the only batch of the validation that follows the epoch; None if the member computes it by itself."""
        trainer: Any = self.trainer
        task = trainer.lightning_module
        every = trainer.check_val_every_n_epoch
        if not (self.is_short and self.is_plain(trainer)) or self.bars:
            return None
        if self.max_batches != [1] or not trainer.enable_validation:
            return None
        loader = self._combined_loader.flattened[0]  # type: ignore[union-attr]
        is_plain = takes_many(loader) and loader.seed is None and len(loader) == 1
        if (
            not is_plain
            or (trainer.current_epoch + 1) % every
            or type(task).evaluation_step is not Task.evaluation_step
        ):
            return None
        return list(loader.tensors)

    def measure(self, loader: Any) -> None:
        """Add the batches of a loader to the metrics."""
        validated, self.validated = self.validated, None
        if validated is None or not validated.is_current:
            super().measure(loader)
            return
        self.batch_progress.increment_by(1, is_last_batch=True)
        task: Any = self.trainer.lightning_module
        task.val_metrics[0].add_known(validated.metrics, *validated.batches)
