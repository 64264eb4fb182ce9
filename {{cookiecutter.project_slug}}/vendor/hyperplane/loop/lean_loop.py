"""The training step without the hooks that nobody listens to.

For a small model, Lightning's calls around a step (twelve hooks, forty context managers) cost as much as the step. A
plain run needs none of them, so `LeanEpochLoop` does what they come to: forward, zero_grad, backward, step. Whatever
is not plain (gradients that are scaled or accumulated, several devices, a profiler, an optimizer with a closure, hooks
of its own) goes through Lightning's own loop.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ProgressBar
from lightning.pytorch.core.hooks import DataHooks
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from lightning.pytorch.plugins.precision import MixedPrecision, Precision
from lightning.pytorch.profilers import PassThroughProfiler
from lightning.pytorch.strategies import SingleDeviceStrategy
from torch import Tensor
from torch.autograd import Variable
from torch.optim import LBFGS, Optimizer

from ..data.seeded_loader import SeededLoader
from ..metrics.metric_names import MetricNames, find
from ..tasks.task import Task
from .closure import Closure, takes_closure
from .fused_step import is_followed, take_step
from .fused_step import is_plain as is_fused
from .lean_validation import LeanValidation, autocast, overrides, to_device

# Overridden in a task or in data, any of these changes batches on their way to the device.
TRANSFERS = ("on_before_batch_transfer", "on_after_batch_transfer", "transfer_batch_to_device")
# Overridden in a task, any of these sends the run through Lightning's own loop. A step of its own may return a
# dictionary or nothing, or call `self.log`.
STEP_HOOKS = (
    "training_step",
    "on_train_batch_start",
    "on_train_batch_end",
    *TRANSFERS,
    "on_before_zero_grad",
    "optimizer_zero_grad",
    "on_before_backward",
    "backward",
    "on_after_backward",
    "on_before_optimizer_step",
    "configure_gradient_clipping",
    "optimizer_step",
)
# In a callback, any of these does. The end of a batch may be listened to by a progress bar or a `Listener`.
CALLBACK_HOOKS = (
    "on_train_batch_start",
    "on_before_zero_grad",
    "on_before_backward",
    "on_after_backward",
    "on_before_optimizer_step",
)
_known: WeakKeyDictionary[Trainer, dict[tuple[type, ...], bool]] = WeakKeyDictionary()


class Listener(Callback):
    """A callback that listens to the end of a batch, and logs nothing."""


class LeanEpochLoop(_TrainingEpochLoop):
    """Lightning's loop over the batches of an epoch, with a short way through a plain step.

    `between_steps` is called before each step, when nothing is half done: checkpoints that a run goes on from are
    written then, and only then.
    """

    def __init__(self, trainer: Trainer, between_steps: Callable[[], None], names: MetricNames | None = None) -> None:
        super().__init__(trainer, trainer.fit_loop.min_steps, trainer.fit_loop.max_steps)
        self.val_loop = LeanValidation(trainer, lambda trainer: bool(self.is_plain))
        self.between_steps = between_steps
        self.on_restart: Callable[[], None] = lambda: None  # before the first step of an epoch that goes on
        self.names = names or MetricNames()
        self.restarting: bool = False
        self.is_plain = False
        self.autocast: Any = None
        self.device: Any = None
        self.fetcher: Any = None
        self.batches: Any = None  # of the fetcher's only loader
        self.fused: Any = None  # the optimizer whose steps take the short way, if nobody follows them
        self.validates_between = True  # also within an epoch

    def on_run_start(self, data_fetcher: Any) -> None:
        """Begin the epoch at the batch where it was left, and look anew whether its steps are plain.

        Lightning does so only while it sets up the data, and a schedule needs the data before the checkpoint is read.
        A stream is begun even then, as without a length a batch is drawn ahead: before it is told which epoch it is.
        """
        ahead = len(getattr(data_fetcher, "batches", ()))
        if self.restarting and self.trainer.fit_loop._combined_loader_states_to_load:
            self.trainer.fit_loop._load_combined_loader_states()
            iter(data_fetcher)
        elif self.restarting and ahead:
            for loader in data_fetcher.combined_loader.flattened:
                if isinstance(loader, SeededLoader):
                    loader.load_state_dict({"taken": loader.taken - ahead})
            iter(data_fetcher)
        super().on_run_start(data_fetcher)
        self.on_restart()
        self.is_plain = is_plain(self.trainer)  # a callback may have changed how gradients are accumulated
        self.fused = next(filter(is_fused, self.trainer.optimizers), None) if self.is_plain else None
        self.validates_between = validates_between(self.trainer)
        self.device = self.trainer.lightning_module.device
        self.fetcher, self.batches = data_fetcher, batches_alone(data_fetcher)

    def advance(self, data_fetcher: Any) -> None:
        """Train on the next batch; all of Lightning's counters go on as they do in its own loop."""
        self.prepare()
        if not self.is_plain or self.trainer.accumulate_grad_batches != 1:
            super().advance(data_fetcher)
            return
        batch = self.next_batch(data_fetcher)
        self.batch_progress.is_last_batch = data_fetcher.done
        self.step(batch)

    def next_batch(self, data_fetcher: Any) -> Any:
        """Return the next batch; what Lightning does for several loaders takes a thirtieth of a small model's step."""
        if self.batches is None or data_fetcher is not self.fetcher:
            return next(data_fetcher)[0]
        data_fetcher.done = True  # if there is none left
        batch = next(self.batches)
        data_fetcher.fetched += 1
        data_fetcher.done = data_fetcher.fetched >= data_fetcher.length
        return batch

    def prepare(self) -> None:
        """Do what comes before a step: a checkpoint, if it is time for one."""
        if self.autocast is None:
            self.autocast = autocast(self.trainer)
            self.listeners = listeners(self.trainer)
        if self.restarting:
            # Our checkpoints are written between steps, so there is nothing to catch up with.
            self.trainer.fit_loop.restarting = False
            self.val_loop.restarting = False  # with max_steps, Lightning has just said the opposite
        self.between_steps()

    def step(self, batch: Any) -> None:
        """Train on a batch, where a step is a plain one."""
        trainer, task, optimizer = self.trainer, self.trainer.lightning_module, self.trainer.optimizers[0]
        progress, updates = self.batch_progress, self.automatic_optimization.optim_progress.optimizer
        progress.increment_ready()
        progress.increment_started()

        batch = to_device(batch, self.device)
        loss = self.compute(batch)
        updates.zero_grad.increment_by(1)
        if self.fused is optimizer and not is_followed(optimizer):
            take_step(optimizer)
        elif takes_closure(optimizer):
            optimizer.step(closure=Closure(partial(self.compute, batch), loss, optimizer))
        else:
            optimizer.step()
        updates.step.increment_by(1)

        progress.increment_processed()
        if trainer.lr_scheduler_configs:
            self.update_lr_schedulers("step", update_plateau_schedulers=False)
            if self._num_ready_batches_reached():
                self.update_lr_schedulers("epoch", update_plateau_schedulers=False)
        for listener in self.listeners:
            listener.on_train_batch_end(trainer, task, {"loss": loss}, batch, self.batch_idx)
        progress.increment_completed()

    def compute(self, batch: Any) -> Any:
        """Return the loss of a batch, and leave its gradients with the weights."""
        task, optimizer = self.trainer.lightning_module, self.trainer.optimizers[0]
        with self.autocast():
            loss = task.training_step(batch, self.batch_idx)
        zero_grad(optimizer)
        backward(loss)
        if self.trainer.gradient_clip_val:
            task.clip_gradients(optimizer)
        return loss

    def on_advance_end(self, data_fetcher: Any) -> None:
        """Look, as Lightning does in twenty calls, whether to validate or to stop; within an epoch there is no need."""
        if not self.is_plain or self.validates_between or self.batch_progress.is_last_batch or self.trainer.should_stop:
            super().on_advance_end(data_fetcher)
            return
        self.update_lr_schedulers("step", update_plateau_schedulers=True)
        self._batches_that_stepped += 1

    def update_lr_schedulers(self, interval: str, update_plateau_schedulers: bool) -> None:
        """Do nothing without a schedule, as Lightning does after some twenty calls."""
        if self.trainer.lr_scheduler_configs:
            super().update_lr_schedulers(interval, update_plateau_schedulers)

    def advance_epoch(self) -> None:
        """Bring the counters to where the next epoch begins, so that a checkpoint of a finished training can go on."""
        self.trainer.fit_loop.epoch_progress.increment_ready()
        self.trainer.fit_loop.epoch_progress.increment_started()
        self.batch_progress.reset_on_run()
        self.scheduler_progress.reset_on_run()
        self.automatic_optimization.optim_progress.reset_on_run()
        self.val_loop.batch_progress.total.reset()

    def _get_monitor_value(self, key: str) -> Any:
        """Return a metric that a schedule watches."""
        return find(key, self.trainer.callback_metrics, self.names)


def batches_alone(data_fetcher: Any) -> Any:
    """Return the iterator of the only loader, if its batches are taken as they are and their number is known."""
    loader = data_fetcher.combined_loader
    is_alone = len(loader.flattened) == 1 and loader.iterables is loader.flattened[0] and data_fetcher.length
    return loader._iterator.iterators[0] if is_alone else None


def backward(loss: Tensor) -> None:
    """Do what `loss.backward()` does; torch's way to it takes a fiftieth of a small model's step."""
    if type(loss) is not Tensor or not loss.is_cpu or loss.ndim:
        loss.backward()
        return
    Variable._execution_engine.run_backward((loss,), (torch.ones_like(loss),), False, False, (), True, True)


def zero_grad(optimizer: Optimizer) -> None:
    """Set the gradients to None, without the profiler's label around it: that takes a tenth of a small model's step."""
    if overrides(optimizer, Optimizer, "zero_grad"):
        optimizer.zero_grad()
        return
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = None


def listeners(trainer: Any) -> list[Any]:
    """Return the callbacks that are told of the end of a batch."""
    return [callback for callback in trainer.callbacks if overrides(callback, Callback, "on_train_batch_end")]


def validates_between(trainer: Any) -> bool:
    """Say whether validation may come before the last batch of an epoch."""
    return trainer.val_check_batch != trainer.num_training_batches or trainer.check_val_every_n_epoch is None


def is_plain(trainer: Any, precisions: tuple[type, ...] = (Precision, MixedPrecision)) -> bool:
    """Say whether a step is forward, zero_grad, backward, perhaps clipping, and step, and nothing else."""
    task = trainer.lightning_module
    return (
        isinstance(task, Task)
        and task.automatic_optimization
        and len(trainer.optimizers) == 1
        and type(trainer.strategy) is SingleDeviceStrategy
        and type(trainer.precision_plugin) in precisions
        and getattr(trainer.precision_plugin, "scaler", None) is None
        and type(trainer.profiler) is PassThroughProfiler
        and trainer.accumulate_grad_batches == 1
        and not trainer._detect_anomaly
        and not isinstance(trainer.optimizers[0], LBFGS)
        and has_plain_classes(trainer)
        and not any(overrides(trainer.datamodule, DataHooks, hook) for hook in TRANSFERS if trainer.datamodule)
    )


def has_plain_classes(trainer: Any) -> bool:
    """Say whether the classes of task and callbacks leave a step as it is; looked up once, as each epoch asks."""
    kinds = type(trainer.lightning_module), *map(type, trainer.callbacks)
    of_trainer = _known.setdefault(trainer, {})
    if kinds not in of_trainer:
        of_trainer[kinds] = are_plain(*kinds)
    return of_trainer[kinds]


def are_plain(task: type, *callbacks: type[Callback]) -> bool:
    """Say whether a task and callbacks of these classes leave a step as it is."""
    return (
        not any(getattr(task, hook) is not getattr(Task, hook) for hook in STEP_HOOKS)
        and not any(getattr(one, hook) is not getattr(Callback, hook) for one in callbacks for hook in CALLBACK_HOOKS)
        and all(
            issubclass(one, ProgressBar | Listener)
            for one in callbacks
            if one.on_train_batch_end is not Callback.on_train_batch_end
        )
    )
