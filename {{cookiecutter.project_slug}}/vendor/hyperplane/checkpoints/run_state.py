"""What a run needs to go on exactly where it was, beyond what Lightning keeps: it travels in the checkpoint."""

import json
import random
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelPruning
from lightning.pytorch.loggers.logger import DummyLogger
from loguru import logger
from torch import Tensor

from ..data.spec import DataSpec
from ..metrics.metric_names import MetricNames
from ..processes.collectives import of_all_ranks, rank
from ..run_folder.resuming import same_training
from ..settings import Settings
from ..tasks.task import Task
from ..tracking.metrics_file import MetricsFile
from .copies import copied
from .file import require_plain
from .logged_results import load_results, save_results

# What `save_hyperparameters` adds to a checkpoint. The settings are in .hydra, and arguments may be whole networks.
HYPERPARAMETERS = (
    "hyper_parameters",
    "hparams_name",
    "hparams_type",
    "datamodule_hyper_parameters",
    "datamodule_hparams_name",
    "datamodule_hparams_type",
)


class RunState(Callback):
    """Random number generators, the metrics so far, and the settings that the checkpoint belongs to.

    Lightning's own part: weights, optimizer, schedule, callbacks, and how many epochs and batches are done.

    Rows of `metrics` after the checkpoint are dropped when the run goes on.
    """

    def __init__(self, settings: Settings, metrics: MetricsFile, spec: DataSpec, names: MetricNames) -> None:
        self.settings = settings
        self.metrics = metrics
        self.spec = spec
        self.names = names
        self.is_trained = False  # the training has ended; what is left is the test
        self.generators: dict[str, Any] | None = None
        self.results: dict[str, Any] | None = None  # of the epoch that goes on
        self.gradients: dict[str, Tensor] = {}
        self.measured: dict[str, Tensor] = {}  # before the run goes on, by the names that callbacks see

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        keep_names(trainer, self.names)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        keep_names(trainer, self.names)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add this state to a checkpoint."""
        for name in HYPERPARAMETERS:
            checkpoint.pop(name, None)
        loops = checkpoint["loops"]["fit_loop"]["state_dict"]
        if self.is_trained:  # the next epoch, if there ever is one, begins with its first batch
            loops.pop("combined_loader", None)
        # Without a length, Lightning draws a batch ahead, to know which is the last.
        ahead = len(getattr(trainer.fit_loop._data_fetcher, "batches", ()))
        loaders = [
            {**state, "taken": state["taken"] - ahead} if "taken" in state else state  # of a loader of another kind
            for state in loops.get("combined_loader", ())
        ]
        if loaders:
            loops["combined_loader"] = loaders
        by_hand = not pl_module.automatic_optimization and not self.settings.hardware.is_sharded
        checkpoint["spec"] = self.spec.to_dict()
        checkpoint["run_state"] = {
            "settings": json.dumps(same_training(self.settings)),
            "is_trained": self.is_trained,
            "generators": of_all_ranks(generators()),
            "rows": self.metrics.rows,
            "results": save_results(trainer, pl_module),
            "gradients": gradients(pl_module) if by_hand else {},
            "task": pl_module.save_epoch() if isinstance(pl_module, Task) else None,
            "measured": {name: value.clone() for name, value in trainer.callback_metrics.items()},
            "frozen": [name for name, value in pl_module.named_parameters() if not value.requires_grad],
            "evaluated": [name for name, part in pl_module.named_modules() if not part.training],
        }

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take this state back from a checkpoint. A test loads only weights."""
        if not trainer.training:
            return
        if any(isinstance(callback, ModelPruning) for callback in trainer.callbacks):  # type: ignore[attr-defined]
            logger.warning("last.ckpt holds no masks: pruned weights go on from 0, and may grow until the next pruning")
        state = checkpoint["run_state"]
        if state["is_trained"] and json.loads(state["settings"]) == same_training(self.settings):
            self.is_trained = pl_module.is_trained = trainer.should_stop = True  # type: ignore[assignment]
        self.metrics.restore(state["rows"])
        self.generators = dict(enumerate(state["generators"])).get(rank())
        self.results = state["results"]
        self.gradients = state["gradients"]
        if isinstance(pl_module, Task):
            pl_module.load_epoch(state["task"])
        self.measured = state["measured"]
        if "frozen" in state:  # not in older checkpoints
            for name, parameter in pl_module.named_parameters():
                parameter.requires_grad_(name not in state["frozen"])
            for name, part in pl_module.named_modules():
                part.training = name not in state["evaluated"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the generators at the last moment: nothing draws between here and the first step."""
        for callback in trainer.callbacks:  # type: ignore[attr-defined]  # now, and not after an hour of training
            require_plain(callback.state_dict(), f"state_dict() of {type(callback).__name__}")
        if self.results is not None:
            load_results(trainer, pl_module, self.results)
            self.results = None
        for name, parameter in pl_module.named_parameters():
            if name in self.gradients:
                parameter.grad = self.gradients[name].to(parameter.device, copy=True)
        measured = {name: value.to(pl_module.device) for name, value in self.measured.items()}
        trainer._logger_connector._callback_metrics.update(measured)
        self.gradients, self.measured = {}, {}
        if self.generators is not None:
            set_generators(self.generators)
            self.generators = None
        elif rank() > 0:  # another dropout than that of the first rank
            torch.manual_seed(self.settings.seed * 1_000_003 + rank())

    def begin_epoch_again(self, trainer: Trainer) -> None:
        """Do what begins an epoch where a run goes on within one; then all is as in the checkpoint.

        Hooks at the start of an epoch set what no checkpoint holds: attributes, or how many gradients are summed. What
        else they do has been done: draws, logged values, rates, counters.
        """
        if not trainer.fit_loop.restarted_mid_epoch or self.settings.hardware.is_sharded:
            return
        task, loggers = trainer.lightning_module, trainer.loggers
        weights = copied(task.state_dict())
        trainer.loggers = [DummyLogger()]
        task._current_fx_name = "on_train_epoch_start"
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            callback.on_train_epoch_start(trainer, task)
        task.on_train_epoch_start()
        task._current_fx_name = None
        trainer.loggers = loggers
        task.load_state_dict(weights, strict=task.strict_loading)
        checkpoint = trainer.strategy.load_checkpoint(str(trainer.ckpt_path), weights_only=True)
        trainer.strategy.load_optimizer_state_dict(checkpoint)
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if callback.state_key in checkpoint["callbacks"]:
                callback.load_state_dict(checkpoint["callbacks"][callback.state_key])
        task.on_load_checkpoint(checkpoint)
        self.on_load_checkpoint(trainer, task, checkpoint)
        self.on_train_start(trainer, task)


def keep_names(trainer: Trainer, names: MetricNames) -> None:
    """Add to the metrics of callbacks those that were logged under other names than they are kept under."""
    logged = trainer.callback_metrics
    renamed = {kept: value for name, value in logged.items() if (kept := names(name)) != name}
    if renamed:
        trainer._logger_connector._callback_metrics.update(renamed)


def gradients(module: LightningModule) -> dict[str, Tensor]:
    """Return the gradients that a module with manual optimization has summed so far: only it knows when it steps."""
    return {name: value.grad for name, value in module.named_parameters() if value.grad is not None}


def generators() -> dict[str, Any]:
    """Return the states of all generators as tensors and plain values."""
    name, keys, *rest = np.random.get_state(legacy=True)
    version, words, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
        "numpy": (name, torch.from_numpy(keys.astype(np.int64)), *rest),  # type: ignore[union-attr]
        "python": (version, torch.tensor(words), gauss),  # pickled one by one, its 625 numbers take a millisecond
    }


def set_generators(states: dict[str, Any]) -> None:
    """Set all generators to what `generators` returned."""
    torch.set_rng_state(states["torch"])
    if states["cuda"] and torch.cuda.device_count() == len(states["cuda"]):
        torch.cuda.set_rng_state_all(states["cuda"])
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    version, words, gauss = states["python"]
    random.setstate((version, tuple(words.tolist()), gauss))
