"""A multirun: every job is checked before the first one starts, and each has a folder that follows from its overrides.

The same job of the same sweep is always the same folder. So a job that is done is not run again, and one that was
stopped, at whatever point, goes on from its last checkpoint.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from hydra.core.utils import JobStatus
from hydra.errors import CompactHydraException
from hydra.plugins.launcher import Launcher
from loguru import logger
from omegaconf import DictConfig, OmegaConf

from ..data.tables.header import refuse_absent_columns
from ..errors import SweepFailed, UserError, first_line
from ..explaining import explain
from ..paths import shown
from ..processes.cores import processes
from ..processes.signals import Stopped
from ..run_folder.integrity import is_completed, read_summary
from ..run_folder.locks import at_work_in, is_locked
from ..run_folder.provenance import code
from ..run_folder.resuming import fingerprint
from ..settings import Settings
from ..validation import check, check_values, refuse_missing_files, refuse_without_effect, with_experiment
from ..whole_file import write_whole

NOT_PART_OF_A_JOB = {"sweep", "tracking.notes", "tracking.tags"}
JOBS = "jobs.json"  # in the folder of a multirun: the names of the folders of its jobs
NOT_CHOSEN = "?"  # stands there for a trial of a search that follows from those before it
ONE_NAME = "sweep= names the folder of the whole multirun, so it takes one name, such as sweep=depth"


class JobLoader(Protocol):
    """Composes the configurations of jobs; it is `composition.sweep_loader.SweepLoader`."""

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Compose the configuration of a job."""

    def job_values(self, master_config: DictConfig, sweep_overrides: list[str]) -> dict[str, Any] | None:
        """Return its settings as plain values, or None where these take the whole configuration."""


def run_jobs(jobs: list[list[str]], config: DictConfig, loader: JobLoader, launcher: Launcher) -> list[dict[str, Any]]:
    """Run the jobs of a multirun that are not completed yet; return the summaries of all.

    Raises:
        UserError: there is no job, or settings are not valid; no job has been started.
        SweepFailed: at least one job failed; the others have run to their end.
        Stopped: a signal has come; what ran has written a checkpoint.
    """
    settings = check_jobs(jobs, config, loader)
    folder = Path(str(config.hydra.sweep.dir))
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / "multirun.yaml", OmegaConf.to_yaml(config))
    folders = [folder / job_id(job) for job in jobs]
    write_names(folder, [place.name for place in folders])
    warn_of_other_settings(folders, settings)
    try:
        with at_work_in(folder):
            reasons = launch_jobs(jobs, folders, launcher)
    except Stopped as stop:
        done = sum(map(is_completed, folders))
        logger.warning("The sweep was {}: {} of {} jobs completed. The same command resumes it.", stop, done, len(jobs))
        raise
    return report_jobs(folder, jobs, folders, reasons)


def write_names(folder: Path, names: list[str]) -> None:
    """Note in the folder of a multirun which jobs it has: how many wait is seen by that."""
    write_whole(folder / JOBS, json.dumps(names, indent=0) + "\n")


def check_jobs(jobs: list[list[str]], config: DictConfig, loader: JobLoader) -> list[Settings]:
    """Return the settings of the jobs of a multirun.

    Raises:
        UserError: there is no job, or settings are not valid.
    """
    if len({override for job in jobs for override in job if override.startswith("sweep=")}) > 1:
        raise UserError(ONE_NAME)
    if not jobs:
        raise UserError("There is nothing to run: a list, range(...) or glob(...) of the command has no values.")
    processes(config.hydra.launcher.get("n_jobs", 1))
    return [check_job(job, config, loader) for job in jobs]


def check_job(job: list[str], config: DictConfig, loader: JobLoader) -> Settings:
    """Return the settings of a job.

    Raises:
        UserError: they are not valid.
    """
    try:
        values = loader.job_values(config, job)
        settings = check(loader.load_sweep_config(config, job)) if values is None else check_values(values)
        if not settings.sweep:
            raise UserError("sweep= is empty, and names the folder of a multirun: sweep=depth, or leave it out")
        refuse_without_effect(settings, job)
        refuse_missing_files(settings)
        refuse_absent_columns(settings)
        return settings
    except (UserError, CompactHydraException) as error:
        reason = str(error) if isinstance(error, UserError) else explain(error)
        reason = with_experiment(reason, config.hydra.runtime.choices.get("experiment"))
        raise UserError(f"{reason}\nin the job: {' '.join(job)}\nNo job has been started.") from None


def warn_of_other_settings(folders: list[Path], settings: list[Settings]) -> None:
    """Name completed jobs whose settings or code were others: results do not compare."""
    others = 0
    for folder, now in zip(folders, settings, strict=True):
        summary = read_summary(folder)
        if summary.get("status") == "completed" and summary.get("settings") not in (None, fingerprint(now)):
            logger.warning(
                "{} ran with other settings than those that hold now (a default has changed); its result stands. "
                "Another sweep=<name> starts from scratch.",
                shown(folder),
            )
        others += summary.get("status") == "completed" and summary.get("code") not in (None, code())
    if others:
        logger.warning(
            "{} of {} jobs are completed by other code: src/ has changed since. Their results stand. "
            "Another sweep=<name> starts from scratch.",
            others,
            len(folders),
        )


def launch_jobs(jobs: list[list[str]], folders: list[Path], launcher: Launcher) -> dict[Path, str]:
    """Run the jobs that are not completed yet; return, by folder, why one ended without a summary."""
    waiting = [(job, folder) for job, folder in zip(jobs, folders, strict=True) if not is_completed(folder)]
    if len(waiting) < len(jobs):
        logger.info("{} of {} jobs are completed already and are not run again.", len(jobs) - len(waiting), len(jobs))
    if not waiting:
        return {}
    logger.info("Running {0} jobs in {1}. To follow them: runs watch {1}", len(waiting), shown(folders[0].parent))
    return start(waiting, launcher)


def start(jobs: list[tuple[list[str], Path]], launcher: Launcher, first: int = 0) -> dict[Path, str]:
    """Run jobs, each in its folder; return, by folder, why one ended without a summary. `first` numbers them."""
    arguments = [[*job, f"hydra.sweep.subdir={folder.name}"] for job, folder in jobs]
    returns = launcher.launch(arguments, initial_job_idx=first)
    ended = zip((folder for _, folder in jobs), returns, strict=True)
    return {folder: first_line(done._return_value) for folder, done in ended if done.status == JobStatus.FAILED}


def job_id(overrides: Sequence[str]) -> str:
    """Return a folder name that follows from a job's overrides alone, whatever their order.

    Readable at the front, a hash at the end; only characters that need no quotes in a shell or in Hydra.
    """
    settings = dict(override.lstrip("+").split("=", 1) for override in overrides if "=" in override)
    kept = sorted((key, value) for key, value in settings.items() if key not in NOT_PART_OF_A_JOB)
    readable = "-".join(f"{key.rpartition('.')[2]}_{value}" for key, value in kept if not key.startswith("trainer."))
    readable = re.sub(r"[^A-Za-z0-9_.-]+", "_", readable)[:80].strip("_.-")
    digest = hashlib.sha256(json.dumps(kept).encode()).hexdigest()[:8]
    return f"{readable}-{digest}" if readable else digest


def report_jobs(
    folder: Path, jobs: list[list[str]], folders: list[Path], reasons: dict[Path, str]
) -> list[dict[str, Any]]:
    """Say how many jobs completed; for those that did not, the command that repeats each alone, and why.

    Raises:
        SweepFailed: there are some.
    """
    summaries = [read_summary(place) for place in folders]
    failed = []
    for job, place, summary in zip(jobs, folders, summaries, strict=True):
        if summary.get("status") != "completed":
            reason = summary.get("error") or reasons.get(place) or "it ended without a summary"
            if is_locked(place):
                reason = "another process is running it"
            alone = [override for override in job if not override.startswith("sweep=")]
            failed.append(f"  train {shlex.join(alone)}\n    {reason}")
    if failed:
        names = "\n".join(failed)
        raise SweepFailed(
            f"{len(jobs) - len(failed)} of {len(jobs)} jobs completed, {len(failed)} failed:\n{names}\n"
            "The same command runs those again, from their checkpoints."
        )
    logger.success("All {} jobs completed. Their table: report {}", len(jobs), shlex.quote(str(shown(folder))))
    return summaries
