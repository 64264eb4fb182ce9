"""What happens around a run, however it ends: the lock, the log, the summary, the exit status."""

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra.types import RunMode
from loguru import logger
from omegaconf import DictConfig

from .data.tables.header import refuse_absent_columns
from .devices.ranks import on_all_devices
from .errors import UserError, refuse
from .finding import find
from .logs import log_to_file
from .paths import shown
from .processes.signals import Pruned, listening
from .run_folder.integrity import is_completed, is_unchanged, read_summary
from .run_folder.locks import alone_in
from .run_folder.reading import read_run
from .run_folder.requeue import requeue, was_requeued
from .run_folder.resuming import Recorded, go_on, read_recorded, refuse_earlier_end
from .sweeps.restoring import hydra_part
from .training.hints import explain_failure
from .training.run import Run
from .validation import check, refuse_missing_files, refuse_without_effect, with_experiment


def record(config: DictConfig, work: Callable[[Run], None]) -> dict[str, Any]:
    """Do `work` on the run that `config` describes, on all of its devices, or only what `find=` asks for.

    The log goes to `train.log`. A job of a multirun ends here whatever its error, so that the others go on. A single
    run ends the program: with status 1 after an error, with status 2 after a user's mistake, which leaves no folder
    unless the training had ended, and with 128 more than the number of the signal that stopped it.

    `work` is a function of a module: with several devices, it runs in as many processes.

    Returns:
        The summary, as it stands in `summary.json`.
    """
    hydra = hydra_part()
    is_job = hydra["mode"] == RunMode.MULTIRUN
    folder = Path(hydra["runtime"]["output_dir"])
    is_new = {path.name for path in folder.iterdir()} <= {".hydra"}
    try:
        with alone_in(folder), listening() as stop:
            if is_completed(folder) and not config.resume:
                if is_job or was_requeued():  # another process was faster, or it was queued again after its end
                    return read_summary(folder)
                raise UserError(f"{shown(folder)} holds a run that is completed. Name a new folder, or resume=")
            recorded = what_runs(config, folder)
            run = Run(check(recorded.config), recorded, folder, stop, is_job)
            pruner = hydra["sweeper"].get("pruner")  # of a search
            run.is_trial = is_job and pruner is not None and pruner["name"] != "none"
            refuse_without_effect(run.settings, recorded.overrides)
            refuse_earlier_end(run.settings, recorded.changes, run.before)
            if run.settings.init_from is not None and not run.checkpoints.exists():  # or it has its weights
                read_run(Path(run.settings.init_from), "init_from")
            if config.resume and is_completed(folder) and not recorded.changes:
                logger.info("{} is completed. Train it longer with trainer.max_epochs=...", shown(folder))
                return run.before
            refuse_missing_files(run.settings)
            refuse_absent_columns(run.settings)
            with log_to_file(folder / "train.log"):
                carry_out(run, on_all_devices(find if run.settings.find else work))
            return run.summary
    except UserError as error:
        if is_job:
            logger.error("{}", error)
            return {}
        # After hours of training, perhaps. Before its end, what was wrong is a setting that no run resumes with.
        if is_new and any(folder.rglob("*.ckpt")) and "test" in run.summary["seconds"]:
            resume = f"train resume={shlex.quote(str(shown(folder)))}"
            refuse(f"{error}\nWhat was trained is kept. Once this is put right: {resume}")
        if is_new:
            discard(folder)
        refuse(with_experiment(str(error), hydra["runtime"]["choices"].get("experiment")))


def carry_out(run: Run, work: Callable[[Run], None]) -> None:
    """Do `work`, and write the summary of the run when it ends, however it ends."""
    try:
        with run.timed("total"):
            work(run)
            run.wait_for_others()
        run.summary["status"] = "completed"
    except UserError as error:
        run.summary["error"] = str(error)
        raise
    except Pruned as pruned:  # not completed, so that nothing takes it for a whole run; and it could go on
        run.summary.update(status="interrupted", pruned=True, error=str(pruned))
        logger.info("The run was {}, in {}", pruned, shown(run.folder))
    except Exception as error:
        run.summary["error"] = explain_failure(error, run.settings, run.trainer)
        logger.opt(exception=error).debug("The run failed.")  # the traceback, into train.log only
        log = shown(run.folder / "train.log")
        logger.error("The run failed: {}\nThe traceback is in {}", run.summary["error"], log)
        if not run.is_job:
            raise SystemExit(1) from error
    except BaseException as stop:
        run.summary.update(status="interrupted", error=str(stop) or type(stop).__name__)
        if not run.is_job:
            logger.warning("The run was {}. Resume it with: train resume={}", stop, shlex.quote(str(shown(run.folder))))
        raise
    finally:
        try:
            if run.summary["status"] != "completed" and run.put_back():
                logger.info("{} is as it was: completed.", shown(run.folder))
            # A run that could not go on is as it was.
            elif run.is_job or not run.before or not (run.folder / "summary.json").exists():
                run.write()
        except OSError as error:
            logger.error("{} could not be written: {}", shown(run.folder / "summary.json"), error.strerror)
        for close in run.closers:
            close(run.summary)
        if run.summary["status"] == "interrupted" and run.stop.number is not None:
            requeue(run.stop.number)


def what_runs(config: DictConfig, folder: Path) -> Recorded:
    """Return the configuration of the run in `folder`: the one that was composed or, to go on, the recorded one."""
    hydra = hydra_part()
    overrides = [str(override) for override in hydra["overrides"]["task"]]
    if not config.resume:
        return Recorded(config, overrides, dict(hydra["runtime"]["choices"]))
    before = read_recorded(folder)
    if not is_unchanged(folder / ".hydra" / "config.yaml", folder, read_summary(folder)):
        raise UserError(f"resume={folder}: .hydra/config.yaml is not the file that the run wrote")
    return go_on(before, config, overrides)


def discard(folder: Path) -> None:
    """Remove the folder of a run that never started, and the folders around it that are empty now."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in list(folder.parents)[:2]:
        try:
            parent.rmdir()
        except OSError:
            return
