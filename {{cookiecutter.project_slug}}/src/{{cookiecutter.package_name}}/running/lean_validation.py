"""The validation without the hooks that nobody listens to: with few samples, they take longer than the validation.

What a small model's epoch of 36 steps pays for Lightning's own way is a tenth of the epoch.
"""

import math
from collections.abc import Callable
from itertools import islice
from typing import Any

import torch
from lightning.fabric.utilities.data import _set_sampler_epoch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loops.evaluation_loop import _EvaluationLoop
from lightning.pytorch.trainer.states import RunningStage, TrainerFn

# Overridden in a task or a callback, any of these sends the validation through Lightning's own loop.
BATCH_HOOKS = ("on_validation_batch_start", "on_validation_batch_end")
TASK_HOOKS = ("on_validation_model_eval", "on_validation_model_train", "on_validation_model_zero_grad")


class LeanValidation(_EvaluationLoop):
    """Lightning's loop over the validation batches, with a short way where a step is a plain one.

    Args:
        trainer: whose loop this is.
        is_plain: says whether a training step is plain; asked once.
    """

    def __init__(self, trainer: Trainer, is_plain: Callable[[Trainer], bool]) -> None:
        super().__init__(trainer, TrainerFn.FITTING, RunningStage.VALIDATING, verbose=False, inference_mode=False)
        self.is_plain = is_plain
        self.is_short: bool | None = None

    def run(self) -> list[Any]:
        """Validate; all of Lightning's counters go on as they do in its own loop."""
        trainer: Any = self.trainer
        task: Any = trainer.lightning_module
        if trainer.sanity_checking or self.restarting:
            return super().run()
        self.setup_data()
        if self.is_short is None:
            has_length = self.num_dataloaders == 1 and self.max_batches[0] != math.inf
            self.is_short = self.is_plain(trainer) and has_length and not has_batch_hooks(trainer)
        if not self.is_short:
            return super().run()
        loader = self._combined_loader.flattened[0]  # type: ignore[union-attr]
        _set_sampler_epoch(loader, trainer.fit_loop.epoch_progress.current.processed)
        self.batch_progress.reset_on_run()
        self._module_mode.capture(task)
        task.eval()  # losses may look at the mode too
        with torch.no_grad():
            self.tell("on_validation_start", "on_validation_epoch_start")
            for number, batch in enumerate(islice(loader, int(self.max_batches[0]))):
                self.batch_progress.increment_by(1, is_last_batch=number + 1 == self.max_batches[0])
                task.validation_step([tensor.to(task.device) for tensor in batch], number)
            self._has_run = True
            self.tell("on_validation_epoch_end", "on_validation_end")
        self._module_mode.restore(task)
        return []

    def tell(self, *hooks: str) -> None:
        """Call hooks of the callbacks, then of the task."""
        trainer: Any = self.trainer
        for hook in hooks:
            for callback in trainer.callbacks:
                getattr(callback, hook)(trainer, trainer.lightning_module)
            getattr(trainer.lightning_module, hook)()


def has_batch_hooks(trainer: Any) -> bool:
    """Say whether the task or a callback listens to something that the short way leaves out."""
    return any(
        getattr(type(listener), hook) is not getattr(base, hook)
        for listener, base, hooks in [
            (trainer.lightning_module, LightningModule, BATCH_HOOKS + TASK_HOOKS),
            *((callback, Callback, BATCH_HOOKS) for callback in trainer.callbacks),
        ]
        for hook in hooks
    )
