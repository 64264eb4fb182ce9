"""Which weights a run keeps, which it tests, and how they are read back."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from .mistakes import UserMistake
from .settings import Checkpoint


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
