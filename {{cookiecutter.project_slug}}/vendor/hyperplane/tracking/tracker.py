"""Experiment trackers: Weights & Biases, TensorBoard, MLflow, a CSV folder, any Lightning logger, or none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch.loggers import CSVLogger, MLFlowLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from loguru import logger

from ..components import Component, build
from ..errors import UserError, first_line
from ..secrets import mask
from .base import Tracker
from .mlflow_run import import_mlflow, start_mlflow
from .mlflow_tracker import MLflowTracker
from .tensorboard_tracker import TensorBoardTracker
from .wandb_run import import_wandb, start_wandb
from .wandb_tracker import WandbTracker

if TYPE_CHECKING:
    from ..settings import Tracking


def import_tracker(settings: Tracking | Component) -> None:
    """Import what takes long, together with what else a run imports; see `quick_imports`."""
    if isinstance(settings, Component):
        return
    if settings.kind == "wandb" and settings.mode != "disabled":
        import_wandb()
    elif settings.kind == "mlflow":
        import_mlflow()


def make_tracker(
    settings: Tracking | Component,
    folder: Path,
    *,
    name: str,
    group: str | None,
    config: dict[str, Any],
    resumed: bool = False,
) -> Tracker | None:
    """Start the tracker that the settings name, or None where there is nothing to track.

    The settings are a `kind` with its own, or a Lightning logger's `_target_`. The tracker's files go into a folder of
    their own below the run's, those of MLflow into one database for all runs. `group` is the sweep of the run.
    `resumed` goes on with the W&B or MLflow run that the run folder already has.

    Raises:
        UserError: a package is not installed, `_target_` is no logger, or W&B must be online and nobody is logged in.
    """
    if getattr(rank_zero_only, "rank", 0) != 0:
        return None
    inner: Logger | None = None
    if isinstance(settings, Component):
        inner = own_logger(settings, folder, name)
    else:
        run_of: dict[str, Any] = {"name": name, "group": group, "resumed": resumed}
        makers: dict[str, Callable[[], Logger | None]] = {
            "wandb": lambda: wandb_logger(settings, folder, config, run_of),
            "mlflow": lambda: start_mlflow(settings, folder, **run_of),
            "tensorboard": lambda: tensorboard(folder),
            "csv": lambda: CSVLogger(folder, name="csv", version=""),
            "none": lambda: None,
        }
        inner = makers[settings.kind]()
    if inner is None:
        return None
    tracker = as_tracker(inner, folder)
    if isinstance(settings, Component) or settings.kind != "wandb":  # which has it from its start
        tracker.log_hyperparams(config)
    if not isinstance(settings, Component):
        tracker.keeps_best = settings.log_model == "best"
        if isinstance(tracker, TensorBoardTracker):
            tracker.add_text("notes", settings.notes or "")
            tracker.add_text("tags", ", ".join(settings.tags))
    return tracker


def wandb_logger(settings: Tracking, folder: Path, config: dict[str, Any], run_of: dict[str, Any]) -> Logger | None:
    """Return the logger of a W&B run that has started; None where W&B is disabled."""
    run = start_wandb(settings, folder, config=config, **run_of)
    return None if run is None else WandbLogger(project=settings.project or None, save_dir=folder, experiment=run)


def as_tracker(inner: Logger, folder: Path) -> Tracker:
    if isinstance(inner, WandbLogger):
        return WandbTracker(inner, folder)
    if isinstance(inner, MLFlowLogger):
        return MLflowTracker(inner, folder)
    if isinstance(inner, TensorBoardLogger):
        return TensorBoardTracker(inner, folder)
    return Tracker(inner, folder)


def tensorboard(folder: Path) -> Logger:
    try:
        return TensorBoardLogger(folder, name="tensorboard", version="", default_hp_metric=False)
    except ModuleNotFoundError as error:
        raise UserError(
            "tracking=tensorboard: the package tensorboard is not installed.\n"
            "Install it with `pip install tensorboard`, or choose tracking=wandb, mlflow, csv or none."
        ) from error


def own_logger(settings: Component, folder: Path, name: str) -> Logger | None:
    """Build the Lightning logger that `_target_` names; None if it does not start.

    Its signature may ask for what the run offers: `save_dir`, the run folder; `name` and `version`, the run's name.
    """
    label = name.replace("/", "-")
    try:
        made = build(settings, save_dir=str(folder), name=label, version=label)
    except UserError:
        raise
    except ModuleNotFoundError as error:
        raise UserError(f"tracking._target_={settings.import_path}: {first_line(error)}") from error
    except Exception as error:  # a server that is silent, a disk that is full: nothing to stop for
        logger.warning("{} did not start; the run continues without it: {}", settings.import_path, first_line(error))
        return None
    if not isinstance(made, Logger):
        raise UserError(f"tracking._target_={settings.import_path} is not allowed: it builds no Lightning logger")
    return made


def log_figures(tracker: Logger | None, figures: dict[str, Path]) -> None:
    """Show PNG files in the tracker, under `figures/<name>`."""
    if isinstance(tracker, Tracker):
        tracker.show(figures)


def close_tracker(tracker: Logger | None, summary: dict[str, Any]) -> None:
    """Log the outcome of a run and close its tracker, so that the next job of the process starts its own.

    Checkpoint paths in the summary are relative to the run folder.
    """
    if not isinstance(tracker, Tracker):
        return
    summary = json.loads(mask(json.dumps(summary)))
    tracker.note(summary)
    if tracker.keeps_best and summary["status"] == "completed":
        keep_best(tracker, summary)
    tracker.close(summary["status"])


def keep_best(tracker: Tracker, summary: dict[str, Any]) -> None:
    """Hand the best checkpoint to the tracker."""
    best = summary["checkpoint"]["best"]
    if best is None:
        logger.warning("tracking.log_model=best: without validation there is no best checkpoint, so none is kept")
    else:
        tracker.keep(tracker.folder / best, summary["metrics"])
