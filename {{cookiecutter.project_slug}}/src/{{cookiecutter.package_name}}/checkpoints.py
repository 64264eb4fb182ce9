"""Which weights a run keeps, which it tests, and how they are read back."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from .data.spec import DataSpec
from .mistakes import UserMistake
from .run_folder import read_run
from .settings import Checkpoint, Settings
from .tasks import make_task
from .tasks.task import Task


class Trained(NamedTuple):
    """What a run left, read back."""

    task: Task  # with its weights, ready to predict
    settings: Settings
    summary: dict[str, Any]
    checkpoint: dict[str, Any]  # as it was saved: `spec`, and the state of the data module under the name of its class
    path: Path  # of the checkpoint


def checkpoint_callbacks(settings: Checkpoint, folder: Path, validates: bool) -> list[Callback]:
    """Return the callbacks that write `last.ckpt` now and then, and `best.ckpt` when validation improves."""
    every = timedelta(minutes=settings.every_n_minutes)
    shared: dict[str, Any] = {"dirpath": folder, "enable_version_counter": False}
    callbacks: list[Callback] = [ModelCheckpoint(filename="last", train_time_interval=every, **shared)]
    if validates:
        best = ModelCheckpoint(
            filename="best",
            monitor=settings.monitor,
            mode=settings.mode,
            every_n_epochs=settings.every_n_epochs,
            **shared,
        )
        callbacks.append(best)
    return callbacks


def chosen_weights(
    trainer: Trainer, settings: Checkpoint, rows: Sequence[dict[str, float]]
) -> tuple[Path, dict[str, float]]:
    """Return the checkpoint to test and the training and validation metrics of the epoch it comes from.

    Args:
        trainer: after `fit`; `last.ckpt` has been written.
        settings: say whether the best or the last weights are wanted.
        rows: of `metrics.csv`.
    """
    best = next(
        (c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint) and c.monitor),
        None,
    )
    row = rows[-1] if rows else {}
    path = Path(trainer.checkpoint_callbacks[0].dirpath) / "last.ckpt"  # type: ignore[attr-defined]
    if settings.test == "best" and best is not None and best.best_model_score is not None:
        path, score = Path(best.best_model_path), float(best.best_model_score)
        row = next((row for row in rows if row.get(settings.monitor) == score), row)
    return path, {name: value for name, value in row.items() if "/" in name}


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
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        task = make_task(settings, DataSpec.from_dict(checkpoint["spec"]))
        task.load_state_dict(checkpoint["state_dict"])
    except (RuntimeError, UnpicklingError, EOFError, KeyError, TypeError, OSError) as error:
        reason = str(error).partition("\n")[0]
        model = settings.model.import_path
        raise UserMistake(f"{path} is damaged, or of another model than {model}: {reason}") from None
    return Trained(task.eval(), settings, summary, checkpoint, path)
