"""Which weights a run keeps and tests, and how they are read back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lightning import __version__ as lightning_version
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from ..data.spec import DataSpec
from ..mistakes import UserMistake, first_line
from ..settings import Checkpoint, Settings
from ..tasks import make_task
from ..tasks.task import Task
from .checkpoint_file import BEST, LAST, read
from .integrity import is_unchanged
from .run_folder import read_run


class Trained(NamedTuple):
    """What a run left, read back."""

    task: Task  # with its weights, ready to predict
    settings: Settings
    summary: dict[str, Any]
    checkpoint: dict[str, Any]  # as it was saved: `spec`, and the state of the data module under the name of its class
    path: Path  # of the checkpoint


class BestCheckpoint(ModelCheckpoint):
    """Writes `best.ckpt` when validation improves. Its state is a score and no path, so a run folder can be moved."""

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

    # It has nothing to do after a step, but would be asked after each.
    on_train_batch_end = Callback.on_train_batch_end

    def _save_checkpoint(self, trainer: Trainer, filepath: str) -> None:
        """Write what a test and a prediction need; Lightning would also ask all its loops for their state."""
        task, data = trainer.lightning_module, trainer.datamodule  # type: ignore[attr-defined]
        checkpoint = {
            "epoch": trainer.current_epoch,
            "global_step": trainer.global_step,
            "pytorch-lightning_version": lightning_version,
            "state_dict": trainer.strategy.lightning_module_state_dict(),
            type(data).__qualname__: data.state_dict(),
        }
        task.on_save_checkpoint(checkpoint)
        trainer.strategy.save_checkpoint(checkpoint, filepath)
        trainer.strategy.barrier("Trainer.save_checkpoint")
        self._last_global_step_saved = trainer.global_step

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


def chosen_weights(
    trainer: Trainer, settings: Checkpoint, folder: Path, rows: Sequence[dict[str, float]]
) -> tuple[Path, dict[str, float]]:
    """Return the checkpoint to test and the training and validation metrics of the epoch it comes from.

    Args:
        trainer: after `fit`; `last.ckpt` has been written.
        settings: say whether the best or the last weights are wanted.
        folder: of the checkpoints.
        rows: of `metrics.csv`.
    """
    best = next((callback for callback in trainer.checkpoint_callbacks if isinstance(callback, BestCheckpoint)), None)
    row = rows[-1] if rows else {}
    path = folder / LAST
    if settings.test == "best" and best is not None and best.best_model_score is not None:
        path, score = folder / BEST, float(best.best_model_score)
        row = next((row for row in rows if row.get(settings.monitor) == score), row)
    return path, {name: value for name, value in row.items() if "/" in name}


def whole(task: Task, settings: Settings, path: Path | None = None) -> Task:
    """Return a task that holds all of its network, which FSDP leaves in parts; without FSDP it is `task` itself.

    Args:
        task: after the training, or after the test.
        settings: of the run.
        path: of the checkpoint that was tested. Before the test there is none, and the weights are new.
    """
    if not settings.hardware.is_sharded:
        return task
    new = make_task(settings, task.spec, task.scaling)
    if path is None:
        return new
    new.load_state_dict(read(path)["state_dict"])
    task.network = new.network  # the rest of the task knows what the test has found
    return task.cpu()


def find_checkpoint(folder: Path, which: str) -> Path:
    """Return `checkpoints/<which>.ckpt` of a run folder.

    Raises:
        UserMistake: there is none; names those that are there.
    """
    path = folder / "checkpoints" / f"{which}.ckpt"
    if not path.is_file():
        there = sorted(other.stem for other in path.parent.glob("*.ckpt"))
        raise UserMistake(f"checkpoint={which}: {path} does not exist. There is: {', '.join(there) or 'no checkpoint'}")
    return path


def load_trained(folder: Path, which: str = "tested") -> Trained:
    """Rebuild what a run trained from its folder alone; the data are not needed.

    Args:
        folder: a run folder.
        which: `tested` (the weights behind `summary.json`), `best` or `last`.

    Raises:
        UserMistake: it is no run folder, or there is no such checkpoint, or it cannot be read.
    """
    settings, summary = read_run(folder)
    path = find_checkpoint(folder, summary["checkpoint"].get("tested") or "last" if which == "tested" else which)
    if not is_unchanged(path, folder, summary):
        raise UserMistake(f"{path} is not the file that the run wrote: it is damaged, or of another run")
    try:
        checkpoint = read(path)
        task = make_task(settings, DataSpec.from_dict(checkpoint["spec"]))
        task.load_state_dict(checkpoint["state_dict"])
    except (RuntimeError, KeyError, TypeError, OSError) as error:
        model = settings.model.import_path
        raise UserMistake(f"{path} is damaged, or of another model than {model}: {first_line(error)}") from None
    return Trained(task.eval(), settings, summary, checkpoint, path)
