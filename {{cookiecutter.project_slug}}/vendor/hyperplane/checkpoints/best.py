"""`best.ckpt`: the weights with the best validation so far."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lightning import __version__ as lightning_version
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from loguru import logger
from torch import Tensor

from ..data.spec import DataSpec
from ..errors import UserError, first_line, with_nearest
from ..metrics.metric_names import MetricNames, find
from ..tasks.task import Task
from ..turns import current
from .copies import copied
from .file import BEST, AtomicCheckpoints, link
from .run_state import RunState

SECONDS_BETWEEN_FILES = 1.0


class BestCheckpoint(Checkpoint):
    """Keeps the weights whenever the monitored metric improves.

    They go into a file at once if the last one, or the training, is a second old. A small model may improve a hundred
    times a second, and the file takes as long as its epoch: a copy stays in memory then, and is written when the metric
    is looked at later, before `last.ckpt` (which holds the score), and when the training ends, however it ends.

    `spec`, of the data, is kept beside the weights, so that they can be used without the data. `is_needed`: it is an
    error if nobody measures the metric.
    """

    def __init__(
        self, monitor: str, mode: str, folder: Path, spec: DataSpec, names: MetricNames, is_needed: bool = True
    ) -> None:
        self.monitor = monitor
        self.mode = mode
        self.path = folder / BEST
        self.spec = spec
        self.names = names
        self.is_needed = is_needed
        self.score: Tensor | None = None  # the best so far
        self.epoch: int | None = None  # that it is of
        self.in_memory: dict[str, Any] | None = None
        self.time = time.monotonic()  # of the file, at first of the start
        turn = current()  # those who take turns share the disk, and all wait for each file
        self.seconds = SECONDS_BETWEEN_FILES * (1 if turn is None else turn.beside)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at a metric of the validation."""
        if not self.monitor.startswith("train/") and not trainer.sanity_checking:
            self.look(trainer, pl_module)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Look at a metric of the training, which is complete now."""
        if self.monitor.startswith("train/"):
            self.look(trainer, pl_module)

    def look(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights if they are better than those before.

        Raises:
            UserError: the metric is not measured, and these weights would be tested.
        """
        logged = trainer.callback_metrics
        score = find(self.monitor, logged, self.names)
        if score is None:
            if not self.is_needed:
                return
            raise not_measured(self.monitor, self.names.rename(logged))
        is_due = time.monotonic() - self.time > self.seconds
        is_due |= trainer.world_size > 1  # several processes would have to agree on the time
        if self.is_best(score):
            self.score, self.epoch = score.clone(), trainer.current_epoch
            if isinstance(pl_module, Task) and pl_module.is_solved:
                return  # there are no other weights than those of last.ckpt, which may be hundreds of megabytes
            self.in_memory = self.validated(trainer, pl_module)
            if not is_due:
                self.in_memory["state_dict"] = copied(self.in_memory["state_dict"])
        if is_due:
            self.write(trainer)

    def validated(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """Return the weights as callbacks put them into any checkpoint: averaged, or with pruning made permanent."""
        known = {"epoch": trainer.current_epoch, "global_step": trainer.global_step}
        weights = trainer.strategy.lightning_module_state_dict()
        checkpoint = known | {"pytorch-lightning_version": lightning_version, "state_dict": weights}
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if not isinstance(callback, Checkpoint | RunState):
                callback.on_save_checkpoint(trainer, pl_module, checkpoint)
        return known | {"state_dict": checkpoint["state_dict"]}

    def is_best(self, score: Tensor) -> bool:
        """Say whether a score is better than all before; one that is not a number never is."""
        if self.score is None:
            return not bool(score.isnan())
        now, before = float(score), float(self.score)
        return now < before if self.mode == "min" else now > before

    def share(self, last: Path) -> None:
        """Give the weights of a model that was solved at once, which are in `last.ckpt`, their second name."""
        if self.score is not None:
            link(last, self.path)

    def write(self, trainer: Trainer, is_last: bool = False) -> None:
        """Write what is in memory, if anything is, and all that a test and a prediction need besides.

        If `is_last`, the training has ended: the test takes what was in memory, which is a copy, and reads no file.
        """
        if self.in_memory is None:
            return
        task, data = trainer.lightning_module, trainer.datamodule  # type: ignore[attr-defined]
        checkpoint = self.in_memory | {
            "pytorch-lightning_version": lightning_version,
            type(data).__qualname__: data.state_dict(),
            "spec": self.spec.to_dict(),
        }
        task.on_save_checkpoint(checkpoint)
        trainer.strategy.save_checkpoint(checkpoint, self.path)
        if is_last and isinstance(trainer.strategy.checkpoint_io, AtomicCheckpoints):
            trainer.strategy.checkpoint_io.at_hand = self.path, checkpoint
        self.in_memory, self.time = None, time.monotonic()

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Write the weights that the score in `last.ckpt` is of."""
        self.write(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write the weights that are tested."""
        self.write(trainer, is_last=True)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Write the weights of a run that ends early, and do not hide why it does.

        Of several ranks none has anything in memory, unless its disk is full; alone it must not try again.
        """
        if trainer.world_size > 1:
            return
        try:
            self.write(trainer)
        except (OSError, RuntimeError) as error:
            logger.warning("{} could not be written: {}", BEST, first_line(error))

    @property
    def state_key(self) -> str:
        """What `last.ckpt` keeps the score under: a run that goes on with another metric has none yet."""
        return self._generate_state_key(monitor=self.monitor, mode=self.mode)

    def state_dict(self) -> dict[str, Any]:
        return {"score": self.score, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.score, self.epoch = state_dict["score"], state_dict.get("epoch")  # none in older checkpoints


def not_measured(monitor: str, known: Iterable[str]) -> UserError:
    """Return what to say when nobody measures the metric that weights are to be chosen by."""
    names = [name for name in known if name.startswith(("train/", "val/"))]
    if monitor.startswith("val/") and not any(name.startswith("val/") for name in names):
        return UserError(
            f"checkpoint.monitor={monitor} is not measured here: the validation logs nothing. Log it there, "
            f'self.log("{monitor}", ...), or choose a metric of the training, checkpoint.monitor=train/loss. '
            "checkpoint.test=last needs none"
        )
    says = with_nearest(f"checkpoint.monitor={monitor} is not measured here.", monitor, names)
    return UserError(
        f"{says}\nThese are measured: {', '.join(names) or 'no metrics of training or validation'}. "
        "checkpoint.test=last needs none"
    )
