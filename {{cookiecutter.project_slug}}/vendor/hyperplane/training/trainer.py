"""Lightning's Trainer, made from the settings `hardware` and `trainer`."""

from collections.abc import Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.fabric.utilities import registry
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint, EarlyStopping
from lightning.pytorch.loggers.logger import Logger

from ..checkpoints.best import BestCheckpoint
from ..checkpoints.file import AtomicCheckpoints
from ..checkpoints.last import LastCheckpoint
from ..checkpoints.run_state import RunState
from ..checkpoints.transfer import Freeze
from ..component_settings import Strict
from ..components import Component, build, factory, signature_of
from ..errors import UserError, as_typed, with_nearest
from ..loop.accumulation import WholeSteps
from ..loop.compiling import refuse_missing_compiler
from ..loop.divergence import FiniteLoss
from ..loop.lean_loop import LeanEpochLoop
from ..loop.progress import Bar, ProgressLines
from ..loop.task_hooks import TaskHooks
from ..processes.collectives import number_of_ranks
from ..processes.cores import cores_for_this_job, gpus_for_this_job
from ..run_folder.record import RunRecord
from ..settings import Hardware, Settings
from ..settings import Trainer as TrainerSettings
from ..stacking.epoch_loop import StackedEpochLoop
from ..tasks.task import Task
from ..terminal import is_drawn_on
from ..turns import current
from . import budget
from .directions import refuse_unmeasured

# Each Trainer asks all installed packages for callbacks, and reads a file of each: 4 ms, as 10 steps of a small model.
registry.entry_points = cache(registry.entry_points)  # type: ignore[assignment,attr-defined]
# Arguments of the Trainer that follow from the run.
FROM_THE_RUN = ("callbacks", "default_root_dir", "enable_checkpointing", "logger", "plugins", "use_distributed_sampler")
# Settings that are arguments of the Trainer.
SECTIONS: dict[str, type[Strict]] = {"trainer": TrainerSettings, "hardware": Hardware}


def make_trainer(
    settings: Settings,
    run: RunRecord,
    task: LightningModule,
    loggers: list[Logger | None],
    state: RunState,
    last: LastCheckpoint,
    *,
    validates: bool,
    more: Sequence[Callback] = (),
    **others: Any,
) -> Trainer:
    """Return the Trainer of a run.

    Side by side with other jobs, a run shows no progress bar; unless it `validates`, there is no best checkpoint.
    `more` are callbacks beside those of the settings, `others` arguments of the Trainer that are no settings.

    Raises:
        UserError: the hardware is not there, a metric is watched that is not measured, or an argument is none of the
            Trainer, or a setting.
    """
    refuse_arguments(others)
    if isinstance(task, Task) and (validates or settings.trainer.limit_val_batches == 0):
        refuse_unmeasured(settings, task, state.names, more)
    arguments = settings.trainer.model_dump(exclude={"enable_progress_bar", "overfit_batches", "least_steps"})
    if few := settings.trainer.overfit_batches:  # Lightning would put others in the place of our loaders
        arguments |= {"limit_train_batches": few, "limit_val_batches": few}
    if isinstance(task, Task) and task.is_solved:
        if number_of_ranks() > 1:
            raise UserError("this model is solved at once, in one process: choose hardware.devices=1")
        arguments |= {"max_epochs": 1, "max_steps": -1}
    if not validates:
        arguments["limit_val_batches"] = 0
    arguments |= others
    if arguments["max_epochs"] == "auto":
        arguments["max_epochs"] = budget.first_epochs(settings)
        more = [*more, budget.Budget(settings)]
    shows_bar = settings.trainer.enable_progress_bar
    if shows_bar is None:
        shows_bar = is_drawn_on() and run.is_alone
    level = "INFO" if current() is None else "DEBUG"  # of those who take turns, one line tells of all
    progress = Bar() if shows_bar else ProgressLines("" if run.is_alone else f"{run.name}: ", level)
    callbacks = [progress, state, *callbacks_of(settings, run, task, state, last, validates), *more]
    compiles = getattr(task, "network", task).compile if settings.hardware.compile else None
    if compiles is not None:
        refuse_missing_compiler(settings.hardware)
        if current() is None:  # else the stack compiles its step
            compiles()
    trainer = trainer_on(
        settings.hardware,
        **arguments,
        default_root_dir=run.folder,
        logger=[logger for logger in loggers if logger is not None],
        callbacks=callbacks,
        enable_progress_bar=shows_bar,
        # otherwise Lightning adds checkpoints of its own
        enable_checkpointing=any(isinstance(callback, Checkpoint) for callback in callbacks),
    )
    if settings.hardware.precision == "64-true":  # Lightning reads a checkpoint before it does so, and loses its digits
        task.double()
    trainer._signal_connector.register_signal_handlers = lambda: None  # type: ignore[method-assign]  # see signals.py
    between_steps = partial(last.between_steps, trainer)
    trainer.fit_loop.epoch_loop = LeanEpochLoop(trainer, between_steps, state.names)
    if current() is not None:
        every = settings.checkpoint.every_n_steps
        trainer.fit_loop.epoch_loop = StackedEpochLoop(
            trainer, between_steps, state.names, every_n_steps=every, compiles=compiles
        )
    trainer.fit_loop.epoch_loop.on_restart = partial(state.begin_epoch_again, trainer)
    return trainer


def refuse_arguments(given: Mapping[str, Any]) -> None:
    """Look whether arguments that code gives to the Trainer are none that the settings of the run record.

    Raises:
        UserError: one is a setting, follows from the run, or is not known to Lightning.
    """
    known = [name for name in signature_of(Trainer).parameters if name not in FROM_THE_RUN]
    for name, value in given.items():
        section = next((key for key, kind in SECTIONS.items() if name in kind.model_fields), None)
        if section is not None:
            raise UserError(
                f"make_trainer({name}=...): {section}.{name} is a setting, and the run would note another value. "
                f"Set {section}.{name}={as_typed(value)}, for a part of the run with run.stage(name, {section}=...)"
            )
        if name not in known:
            ours = "follows from the run" if name in FROM_THE_RUN else "is no argument of Lightning's Trainer"
            raise UserError(with_nearest(f"make_trainer({name}=...): {name} {ours}.", name, known))


def callbacks_of(
    settings: Settings, run: RunRecord, task: LightningModule, state: RunState, last: LastCheckpoint, validates: bool
) -> list[Callback]:
    """Return what accompanies the training: the callbacks of the settings, and those that other settings stand for.

    Raises:
        UserError: something in `callbacks` is no callback, or there is no validation to stop early by.
    """
    monitor = state.names(settings.checkpoint.monitor)
    callbacks = [own_callback(name, component, settings, state) for name, component in settings.callbacks.items()]
    if not isinstance(task, Task):
        callbacks.append(FiniteLoss())
    if task.automatic_optimization:
        callbacks.append(WholeSteps())
    if settings.freeze:
        callbacks.append(Freeze(settings.freeze, settings.unfreeze_epoch))
    mode = settings.mode_of(settings.checkpoint.monitor)
    assert mode is not None  # see Settings.directions_are_known
    if validates:
        needed = settings.tests_best
        callbacks.append(BestCheckpoint(monitor, mode, run.checkpoints, state.spec, state.names, is_needed=needed))
    if settings.early_stopping.patience is not None:
        if not validates:
            raise UserError(
                "early_stopping.patience needs validation data: data.val_fraction above 0, and not "
                "trainer.limit_val_batches=0"
            )
        callbacks.append(early_stopping(settings, monitor, mode))
    if run.is_first_rank and run.is_trial:
        from ..search.pruning import report_to_study  # Optuna is an extra

        callbacks.append(report_to_study(last))
    return callbacks


def own_callback(name: str, component: Component, settings: Settings, state: RunState) -> Callback:
    """Return the callback that the settings name; one that watches a metric is told which direction is better.

    Raises:
        UserError: it is something else.
    """
    monitor = component.arguments().get("monitor")
    mode = settings.mode_of(monitor) if isinstance(monitor, str) else None
    default = signature_of(factory(component)).parameters.get("mode")
    if default is not None and default.default not in ("min", "max", default.empty):
        mode = None  # it means something else
    callback = build(component, spec=state.spec, seed=settings.seed, **({"mode": mode} if mode else {}))
    if not isinstance(callback, Callback):
        raise UserError(f"callbacks.{name}: {component.import_path} must be a Lightning callback")
    return callback


def early_stopping(settings: Settings, monitor: str, mode: str) -> EarlyStopping:
    """Return the callback that stops a run whose validation does not improve any more."""
    return EarlyStopping(
        monitor=monitor,
        mode=mode,
        patience=settings.early_stopping.patience or 0,
        min_delta=settings.early_stopping.min_delta,
        check_finite=False,  # a loss that is not finite stops the run with a message of its own
        check_on_train_epoch_end=True if monitor.startswith("train/") else None,
    )


def devices_of(hardware: Hardware, ranks: int) -> int | list[int]:
    """Return the devices of a job with `ranks` processes, one for each: how many, or which."""
    if isinstance(hardware.devices, list):
        return hardware.devices[:ranks]
    gpus = gpus_for_this_job(torch.cuda.device_count(), ranks) if hardware.accelerator == "gpu" else None
    return gpus or ranks


def trainer_on(hardware: Hardware, *, callbacks: Sequence[Callback] = (), **arguments: Any) -> Trainer:
    """Return a Trainer on `hardware`.

    Raises:
        UserError: the hardware is not there, or Lightning refuses the arguments.
    """
    ranks = number_of_ranks()
    torch.set_float32_matmul_precision(hardware.matmul_precision)
    torch.set_num_threads(hardware.threads or max(1, cores_for_this_job() // ranks))
    # Jobs are launched by this project: Lightning need not look for SLURM or others.
    plugins: list[Any] = [AtomicCheckpoints(), LightningEnvironment()]
    how: dict[str, Any] = {"precision": hardware.precision}
    if ranks > 1:
        from ..devices.strategies import (  # FSDP takes a while to import
            OneOfRanks,
            ShardedPrecision,
            ShardOfRanks,
        )

        how["strategy"] = ShardOfRanks() if hardware.is_sharded else OneOfRanks()
        if hardware.is_sharded:
            plugins.append(ShardedPrecision(how.pop("precision")))
    try:
        return Trainer(
            accelerator=hardware.accelerator,
            devices=devices_of(hardware, ranks),
            use_distributed_sampler=False,  # see collectives.py: every rank goes through the same batches
            plugins=plugins,
            callbacks=[TaskHooks(), *callbacks],
            **how,
            **arguments,
        )
    except (MisconfigurationException, ValueError) as error:
        raise UserError(f"hardware or trainer: {error}") from None
