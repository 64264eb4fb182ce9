"""What a run under SLURM needs: the same folder after a requeue, and the requeue itself."""

import hashlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from loguru import logger

from .integrity import is_completed

# SLURM sends what `sbatch --signal` says before its time limit; submitit asks for SIGUSR2.
ANNOUNCED = ("SIGUSR1", "SIGUSR2")


def folder_name(arguments: Sequence[str]) -> str | None:
    """Return a folder name below runs/ that is the same after a requeue.

    None outside of SLURM, and where the job has completed this very run and is asked for it again: that is another run.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        return None
    name = f"slurm/{job}-{hashlib.sha256(repr(list(arguments)).encode()).hexdigest()[:6]}"
    return None if is_completed(Path("runs", name)) and not was_requeued() else name


def was_requeued() -> bool:
    """Say whether SLURM has started this job before."""
    return os.environ.get("SLURM_RESTART_COUNT", "0") != "0"


def requeue(number: int) -> None:
    """Ask SLURM to run this job again, if the signal `number` announced the end of its time."""
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or signal.Signals(number).name not in ANNOUNCED:
        return
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    try:
        subprocess.run(["scontrol", "requeue", job], check=True, capture_output=True, text=True)
        logger.info("SLURM will run job {} again, and it resumes from here.", job)
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("SLURM does not requeue job {}: {}", job, getattr(error, "stderr", None) or error)
