"""A multirun: every job is checked before the first one starts, and each has a folder that follows from its overrides.

The same job of the same sweep is always the same folder, so that a job that is done is not run again.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.errors import CompactHydraException
from hydra.plugins.launcher import Launcher
from loguru import logger
from omegaconf import DictConfig, OmegaConf

from .checking import check, explain
from .mistakes import SweepFailed, UserMistake

NOT_PART_OF_A_JOB = {"sweep"}


def run_jobs(
    jobs: list[list[str]], config: DictConfig, loader: ConfigLoader, launcher: Launcher
) -> list[dict[str, Any]]:
    """Run the jobs of a multirun that are not completed yet; return the summaries of all.

    Args:
        jobs: the overrides of each job.
        config: of the multirun, with `hydra.sweep.dir`.
        loader: composes the configuration of a job.
        launcher: runs jobs, here or elsewhere.

    Raises:
        UserMistake: a job's settings are not valid; no job has been started.
        SweepFailed: at least one job failed; the others have run to their end.
    """
    for job in jobs:
        try:
            check(loader.load_sweep_config(config, job))
        except (UserMistake, CompactHydraException) as error:
            reason = str(error) if isinstance(error, UserMistake) else explain(error)
            raise UserMistake(f"{reason}\nin the job: {' '.join(job)}\nNo job has been started.") from None

    folder = Path(str(config.hydra.sweep.dir))
    folder.mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, folder / "multirun.yaml")
    folders = [folder / job_id(job) for job in jobs]
    waiting = [job for job, place in zip(jobs, folders, strict=True) if not is_completed(place)]
    if len(waiting) < len(jobs):
        logger.info(
            "{} of {} jobs are completed already; their results stand.",
            len(jobs) - len(waiting),
            len(jobs),
        )
    if waiting:
        logger.info("Running {} jobs in {}", len(waiting), folder)
        launcher.launch([[*job, f"hydra.sweep.subdir={job_id(job)}"] for job in waiting], initial_job_idx=0)
    return conclude(folder, jobs, folders)


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


def read_summary(folder: Path) -> dict[str, Any]:
    """Return what `folder/summary.json` holds, or an empty dict if there is none that can be read."""
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def is_completed(folder: Path) -> bool:
    """Say whether the run in `folder` has run to its end."""
    return read_summary(folder).get("status") == "completed"


def conclude(folder: Path, jobs: list[list[str]], folders: list[Path]) -> list[dict[str, Any]]:
    """Say how many jobs completed, and raise `SweepFailed` with a line for each that did not."""
    summaries = [read_summary(place) for place in folders]
    failed = []
    for job, summary in zip(jobs, summaries, strict=True):
        if summary.get("status") != "completed":
            failed.append(f"  {' '.join(job)}: {summary.get('error') or 'ended without a summary'}")
    if failed:
        names = "\n".join(failed)
        raise SweepFailed(f"{len(jobs) - len(failed)} of {len(jobs)} jobs completed, {len(failed)} failed:\n{names}")
    logger.success("All {} jobs completed. Their table: report {}", len(jobs), folder)
    return summaries
