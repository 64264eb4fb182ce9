"""What a run needs to go on exactly where it was, beyond what Lightning keeps: it travels in the checkpoint."""

import json
import random
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from ..settings import Settings
from ..tasks.task import Task
from ..tracking.metrics_file import MetricsFile
from .collectives import of_all_ranks, rank
from .resuming import same_training


class RunState(Callback):
    """Random number generators, the metrics so far, and the settings that the checkpoint belongs to.

    Lightning's own part: weights, optimizer, schedule, callbacks, and how many epochs and batches are done.

    Args:
        settings: of the run.
        metrics: its `metrics.csv`; rows after the checkpoint are dropped when the run goes on.
    """

    def __init__(self, settings: Settings, metrics: MetricsFile) -> None:
        self.settings = settings
        self.metrics = metrics
        self.is_trained = False  # the training has ended; what is left is the test
        self.generators: dict[str, Any] | None = None

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Add this state to a checkpoint."""
        assert isinstance(pl_module, Task)
        if self.is_trained:  # the next epoch, if there ever is one, begins with its first batch
            checkpoint["loops"]["fit_loop"]["state_dict"].pop("combined_loader", None)
        checkpoint["run_state"] = {
            "settings": json.dumps(same_training(self.settings)),
            "is_trained": self.is_trained,
            "generators": of_all_ranks(generators()),
            "rows": self.metrics.rows,
            "train_metrics": pl_module.train_metrics.save_state(),
            "counted_batch": pl_module.counted_batch,
            "monitored": {name: value.clone() for name, value in trainer.callback_metrics.items()},
        }

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Take this state back from a checkpoint. A test loads only weights."""
        if not trainer.training:
            return
        assert isinstance(pl_module, Task)
        state = checkpoint["run_state"]
        if state["is_trained"] and json.loads(state["settings"]) == same_training(self.settings):
            self.is_trained = pl_module.is_trained = trainer.should_stop = True
        self.metrics.restore(state["rows"])
        self.generators = dict(enumerate(state["generators"])).get(rank())
        pl_module.train_metrics.load_state(state["train_metrics"])
        pl_module.counted_batch = state["counted_batch"]
        trainer.fit_loop.epoch_loop.monitored = state["monitored"]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Set the generators at the last moment: nothing draws between here and the first step."""
        if self.generators is not None:
            set_generators(self.generators)
            self.generators = None
        elif rank() > 0:  # another dropout than that of the first rank
            torch.manual_seed(self.settings.seed * 1_000_003 + rank())


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
