"""Which weights a run tests, and how they are read back."""

from collections import ChainMap
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any, NamedTuple

from lightning.pytorch import LightningModule, Trainer

from ..components import factory
from ..data.spec import DataSpec
from ..errors import UserError
from ..run_folder.integrity import is_unchanged
from ..run_folder.reading import read_run
from ..settings import Settings
from ..tasks.building import make_task
from .best import BestCheckpoint
from .file import BEST, LAST, read


class Trained(NamedTuple):
    """What a run left, read back."""

    task: LightningModule  # with its weights, ready to predict
    settings: Settings
    summary: dict[str, Any]
    checkpoint: dict[str, Any]  # as it was saved: `spec`, and the state of the data module under the name of its class
    path: Path  # of the checkpoint
    spec: DataSpec  # of the data


def chosen_weights(
    trainer: Trainer, settings: Settings, folder: Path, rows: Sequence[dict[str, float]]
) -> tuple[Path, dict[str, float]]:
    """Return the checkpoint to test and the training and validation metrics of the epoch it comes from."""
    best = next((callback for callback in trainer.checkpoint_callbacks if isinstance(callback, BestCheckpoint)), None)
    row = rows[-1] if rows else {}
    path = folder / LAST
    if settings.tests_best and best is not None and best.score is not None:
        path, score = folder / BEST, float(best.score)
        # A score that was logged under another name, as train/loss_epoch, or never, is found by its epoch.
        of_its_epoch = [row for row in rows if row["epoch"] == best.epoch]
        row = next((row for row in rows if row.get(best.monitor) == score), dict(ChainMap(*of_its_epoch[::-1])) or row)
    return path, {name: value for name, value in row.items() if "/" in name}


def whole(task: LightningModule, settings: Settings, spec: DataSpec, path: Path | None = None) -> LightningModule:
    """Return a task that holds all of its network, which FSDP leaves in parts; without FSDP it is `task` itself.

    `path` is the checkpoint that was tested. Before the test there is none, and the weights are new.
    """
    if not settings.hardware.is_sharded:
        return task
    new = make_task(settings, spec, getattr(task, "scaling", None))
    if path is None:
        return new
    new.load_state_dict(read(path)["state_dict"])
    for name, part in new.named_children():  # the rest of the task knows what the test has found
        if next(part.parameters(), None) is not None:
            setattr(task, name, part)
    return task.cpu()


def find_checkpoint(folder: Path, which: str) -> Path:
    """Return `checkpoints/<which>.ckpt` of a run folder.

    Raises:
        UserError: there is none; names those that are there.
    """
    path = folder / "checkpoints" / f"{which}.ckpt"
    if not path.is_file():
        there = sorted(other.stem for other in path.parent.glob("*.ckpt"))
        raise UserError(f"checkpoint={which}: {path} does not exist. There is: {', '.join(there) or 'no checkpoint'}")
    return path


def load_trained(folder: Path, which: str = "tested") -> Trained:
    """Rebuild what a run trained from its folder alone; the data are not needed.

    `which` is `tested` (the weights behind `summary.json`), `best` or `last`.

    Raises:
        UserError: it is no run folder, or there is no such checkpoint, or it cannot be read.
    """
    settings, summary = read_run(folder)
    path = find_checkpoint(folder, summary["checkpoint"].get("tested") or "last" if which == "tested" else which)
    if not is_unchanged(path, folder, summary):
        raise UserError(f"{path} is not the file that the run wrote: it is damaged, or of another run")
    try:
        checkpoint = read(path)
        factory(settings.data)  # the spec may be of a class that its module defines
        spec = DataSpec.from_dict(checkpoint["spec"])
        task = make_task(settings, spec)
        task.load_state_dict(checkpoint["state_dict"])
    except (RuntimeError, KeyError, TypeError, OSError) as error:
        model = settings.model.import_path
        raise UserError(
            f"{path} does not fit {model} as its settings build it: {shorten(str(error), 240)}\n"
            "Did its code change since, or did a callback or `setup` replace parts of it? Replace them in __init__"
        ) from None
    return Trained(task.eval(), settings, summary, checkpoint, path, spec)
