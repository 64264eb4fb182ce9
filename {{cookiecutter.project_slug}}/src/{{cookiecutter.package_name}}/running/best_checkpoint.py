"""`best.ckpt`: the weights with the best validation so far."""

import math
import time
from pathlib import Path
from typing import Any

from lightning import __version__ as lightning_version
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from loguru import logger

from ..mistakes import first_line
from ..settings import Checkpoint
from .checkpoint_file import BEST

SECONDS_BETWEEN_FILES = 1.0


class BestCheckpoint(ModelCheckpoint):
    """Keeps the weights when validation improves. Its state is a score and no path, so a run folder can be moved.

    They go into a file at once if the last one is a second old. A small model may improve a hundred times a second,
    and the file takes as long as its epoch: it keeps a copy in memory then, which is written with a later validation,
    before `last.ckpt` (which holds the score), and when the training ends, however it ends.
    """

    def __init__(self, settings: Checkpoint, folder: Path) -> None:
        super().__init__(
            dirpath=folder,
            filename="best",
            monitor=settings.monitor,
            mode=settings.mode,
            save_weights_only=True,  # a run goes on from last.ckpt; all else takes longer to write than an epoch may
            enable_version_counter=False,
        )
        self.path = str(folder / BEST)
        self.time = -math.inf  # of the file
        self.in_memory: dict[str, Any] | None = None

    # It has nothing to do after a step, but would be asked after each.
    on_train_batch_end = Callback.on_train_batch_end

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        """Take in better weights."""
        weights = trainer.strategy.lightning_module_state_dict()
        self.in_memory = {"epoch": trainer.current_epoch, "global_step": trainer.global_step, "state_dict": weights}
        self._last_global_step_saved = trainer.global_step
        if self.is_due or trainer.world_size > 1:  # several processes would have to agree on the time
            self.write(trainer)
        else:
            self.in_memory["state_dict"] = {name: values.clone() for name, values in weights.items()}

    @property
    def is_due(self) -> bool:
        """Whether the file is a second old."""
        return time.monotonic() - self.time > SECONDS_BETWEEN_FILES

    def write(self, trainer: Trainer) -> None:
        """Write what is in memory, if anything is, and all that a test and a prediction need besides.

        Lightning would also ask its loops and callbacks for their state.
        """
        if self.in_memory is None:
            return
        task, data = trainer.lightning_module, trainer.datamodule  # type: ignore[attr-defined]
        checkpoint = self.in_memory | {
            "pytorch-lightning_version": lightning_version,
            type(data).__qualname__: data.state_dict(),
        }
        task.on_save_checkpoint(checkpoint)
        trainer.strategy.save_checkpoint(checkpoint, self.path)
        trainer.strategy.barrier("Trainer.save_checkpoint")
        self.in_memory, self.time = None, time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights if they are better."""
        super().on_validation_end(trainer, pl_module)
        if self.is_due:
            self.write(trainer)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write the weights that the score in `last.ckpt` is of."""
        self.write(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the weights that are tested."""
        self.write(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write the weights of a run that ends early, and do not hide why it does."""
        try:
            self.write(trainer)
        except (OSError, RuntimeError) as error:
            logger.warning("{} could not be written: {}", BEST, first_line(error))

    def state_dict(self) -> dict[str, Any]:
        """Return the best score so far."""
        return {"score": self.best_model_score}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the best score of the run that goes on."""
        score = state_dict["score"]
        if score is not None:
            self.best_model_score = self.kth_value = score
            self.best_model_path = self.kth_best_model_path = self.path
            self.best_k_models = {self.path: score}
