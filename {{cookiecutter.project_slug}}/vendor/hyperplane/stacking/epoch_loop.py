"""The seam between a run and the stack: Lightning's loop over the batches of an epoch, with the steps done elsewhere.

A member's Trainer, its callbacks, checkpoints and loggers see an epoch as they always do. Only the steps between two
moments when one of them might look are not taken here: the loop draws their batches, hands them over, sleeps, and
counts the steps when it is woken. What the stack does not take (it says why) the loop trains on itself.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.precision import DoublePrecision
from loguru import logger

from ..loop.lean_loop import LeanEpochLoop
from ..loop.lean_validation import to_device
from ..tasks.epoch_metrics import BATCHES_AT_ONCE, BYTES_AT_ONCE
from ..turns import current
from .drawing import Drawn
from .member import Window
from .refusals import why_alone
from .schedules import StepSchedules, watches_steps
from .validating import StackedValidation


class StackedEpochLoop(LeanEpochLoop):
    """A loop whose plain steps are taken by the stack that its run is a member of."""

    def __init__(
        self, *known: Any, every_n_steps: int | None = None, compiles: Callable[[], None] | None = None
    ) -> None:
        super().__init__(*known)
        self.every_n_steps = every_n_steps  # a checkpoint is written
        self.compiles = compiles  # compiles the network of a member that trains by itself, if it is to be compiled
        self.val_loop: StackedValidation = StackedValidation(self.trainer, self.val_loop.is_plain)
        self.refusal = ""  # why the run takes its steps itself
        self.drawn: Drawn | None = None
        self.is_alone = False  # it trains on the batches that were taken back by itself
        self.output_bytes = 0  # of a step's outputs; 0: not known yet
        self.kind: int | None = None  # see kinds.py
        self.about: dict[str, Any] = {}  # what a stack of its kind has to know
        self.choices: Any = None  # what its step may branch on, when its kind was found

    def on_run_start(self, data_fetcher: Any) -> None:
        """Begin an epoch, and look whether its steps are such as a stack takes."""
        super().on_run_start(data_fetcher)
        self.drawn, self.is_alone = None, False
        self.threads = torch.get_num_threads()  # that this member set for its own thread of Python
        self.schedules = StepSchedules(self.trainer)
        if not self.refusal and (reason := why_alone(self.trainer, data_fetcher)):
            self.refuse(reason)

    def refuse(self, reason: str) -> None:
        """Take the steps here from now on; a member of a stack leaves it, which gives its optimizer the state back."""
        self.refusal = reason
        if self.kind is not None:
            current().ask(Window(self, [], reason))  # type: ignore[union-attr]
        if self.compiles is not None:
            self.compiles()
        logger.info("{} trains as an ordinary job: {}", Path(self.trainer.default_root_dir).name, reason)

    def advance(self, data_fetcher: Any) -> None:
        """Train on as many batches as nobody has to look between, with the other members of the stack.

        Raises:
            HalfStep: the optimizer of the stack failed.
        """
        if self.drawn is None and self.refusal:
            super().advance(data_fetcher)
            return
        self.drawn = self.drawn or Drawn(data_fetcher)
        self.is_alone &= bool(self.drawn.returned)
        if not self.is_alone:
            self.prepare()
            window = self.draw_window()
            if not self.refusal:
                current().ask(window)  # type: ignore[union-attr]
            if window is not None and self.has_trained(window):
                return
        super().advance(self.drawn)

    def has_trained(self, window: Window) -> bool:
        """See what became of a window: say whether the stack has trained on some of it.

        Raises:
            HalfStep: the optimizer of the stack failed.
        """
        assert self.drawn is not None
        if window.failure is not None:
            raise window.failure
        if window.left:
            self.drawn.take_back(window.batches, window.left, many=True)
            self.is_alone = True
        if window.refusal:
            self.refuse(window.refusal)
        if window.done:
            self.follow(window)
        return bool(window.done)

    def draw_window(self) -> Window | None:
        """Return the next batches, on the device and in the precision of the training.

        None: the next one is none that a stack takes.
        """
        assert self.drawn is not None
        trainer: Any = self.trainer
        batches = self.drawn.draw(self.steps_ahead())
        if batches is None:
            if not self.refusal:
                self.refuse("its batches are more than tensors in lists, tuples and dictionaries")
            return None
        if isinstance(trainer.precision_plugin, DoublePrecision):
            batches = trainer.precision_plugin.convert_input(batches)
        window = Window(self, to_device(batches, trainer.lightning_module.device))
        if window.steps == trainer.num_training_batches and trainer.lightning_module.train_metrics.is_empty:
            window.is_epoch = True
            window.validation_batch = None if self.validates_between else self.val_loop.batch_ahead()
        return window

    def steps_ahead(self) -> int:
        """Return how many steps there are until somebody has to look: at a checkpoint, a validation, or the metrics."""
        trainer: Any = self.trainer
        if watches_steps(trainer):
            return 1
        step, done = self.global_step, self.batch_progress.current.ready
        waiting = trainer.lightning_module.train_metrics.waiting
        most = [BATCHES_AT_ONCE - len(waiting), self.outputs_ahead(waiting.bytes), trainer.num_training_batches - done]
        if self.max_steps != -1:
            most.append(self.max_steps - step)
        if self.every_n_steps is not None:
            most.append(self.every_n_steps - step % self.every_n_steps)
        if self.validates_between:
            batches = done if trainer.check_val_every_n_epoch is not None else self.batch_progress.total.ready
            most.append(trainer.val_check_batch - batches % trainer.val_check_batch)
        return int(max(1, min(most)))

    def outputs_ahead(self, waiting: int) -> int:
        """Return for how many steps outputs may be kept, beside those that wait; before the first ones, for one."""
        return (BYTES_AT_ONCE - waiting) // self.output_bytes + 1 if self.output_bytes else 1

    def follow(self, window: Window) -> None:
        """Count the steps that were taken, and add their losses and outputs to the metrics.

        Raises:
            Diverged: a loss is not finite.
        """
        assert self.drawn is not None
        trainer: Any = self.trainer
        task, number, first = trainer.lightning_module, window.done, self.batch_progress.current.ready
        self.batch_progress.increment_by(number, is_last_batch=self.drawn.done)
        updates = self.automatic_optimization.optim_progress.optimizer
        updates.zero_grad.increment_by(number)
        updates.step.increment_by(number)
        self._batches_that_stepped += number - 1  # the last one is left to `on_advance_end`
        self.scheduler_progress.increment_by(self.schedules.moves)
        self.schedules.moves = 0
        if self._num_ready_batches_reached():
            self.update_lr_schedulers("epoch", update_plateau_schedulers=False)
        losses, outputs, targets = window.joined()
        self.output_bytes = max(1, outputs.nbytes // number)
        weights = window.batches[-1][:number] if task.has_weights else None
        if window.metrics is not None:
            task.train_metrics.add_known(window.metrics, losses, outputs, targets, weights, first)
        else:
            task.train_metrics.add_many(losses, outputs, targets, weights, first)
        self.val_loop.validated = window.validated
        for bar in self.listeners:
            bar.on_train_batch_end(trainer, task, None, None, self.batch_idx)
