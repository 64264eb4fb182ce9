"""Lightning's Trainer, made from the settings `hardware` and `trainer`."""

import os
import sys
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import TQDMProgressBar
from lightning.pytorch.loggers.logger import Logger

from .checkpoints import checkpoint_callbacks
from .lean_loop import LeanEpochLoop
from .mistakes import UserMistake, nearest
from .progress import ProgressLines
from .run_folder import Run
from .settings import Hardware, Settings
from .tasks.task import Task


def make_trainer(settings: Settings, run: Run, task: Task, loggers: list[Logger | None], *, validates: bool) -> Trainer:
    """Return the Trainer of a run.

    Args:
        settings: of the run.
        run: where checkpoints go; side by side with other jobs, a run shows no progress bar.
        task: whose metrics checkpoints can be chosen by.
        loggers: where metrics are logged.
        validates: whether there is validation data; without it there is no best checkpoint.

    Raises:
        UserMistake: the hardware is not there, or Lightning refuses the arguments.
    """
    arguments = settings.trainer.model_dump(exclude={"enable_progress_bar"})
    if task.is_solved:
        arguments |= {"max_epochs": 1, "max_steps": -1}
    monitor = settings.checkpoint.monitor
    if monitor.partition("/")[2] not in task.metric_names:
        raise UserMistake(
            f"checkpoint.monitor={monitor} is not measured here. It can be train/ or val/ with: "
            f"{', '.join(task.metric_names)}. {nearest(monitor.partition('/')[2], task.metric_names)}"
        )
    if not validates:
        arguments["limit_val_batches"] = 0
    shows_bar = settings.trainer.enable_progress_bar
    if shows_bar is None:
        shows_bar = sys.stderr.isatty() and run.is_alone
    # A refresh of the bar costs more than a step of a small model.
    progress = TQDMProgressBar(refresh_rate=50) if shows_bar else ProgressLines("" if run.is_alone else f"{run.name}: ")
    trainer = trainer_on(
        settings.hardware,
        **arguments,
        logger=[logger for logger in loggers if logger is not None],
        callbacks=[
            progress,
            *checkpoint_callbacks(settings.checkpoint, run.folder / "checkpoints", validates),
        ],
        enable_progress_bar=shows_bar,
    )
    trainer.fit_loop.epoch_loop = LeanEpochLoop(trainer, trainer.fit_loop.min_steps, trainer.fit_loop.max_steps)
    return trainer


def trainer_on(hardware: Hardware, **arguments: Any) -> Trainer:
    """Return a Trainer on `hardware`.

    Raises:
        UserMistake: the hardware is not there, or Lightning refuses the arguments.
    """
    torch.set_num_threads(hardware.threads or cores_for_this_job())
    try:
        return Trainer(
            accelerator=hardware.accelerator,
            devices=hardware.devices,
            precision=hardware.precision,
            **arguments,
        )
    except (MisconfigurationException, ValueError) as error:
        raise UserMistake(f"hardware or trainer: {error}") from None


def cores_for_this_job() -> int:
    """Return this process's cores, divided by the jobs that run side by side on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jobs = int(HydraConfig.get().launcher.get("n_jobs", 1)) if HydraConfig.initialized() else 1
    return max(1, cores // (jobs if jobs > 0 else cores))
