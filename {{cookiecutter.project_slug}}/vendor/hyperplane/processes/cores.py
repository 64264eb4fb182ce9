"""How the cores and the GPUs of this machine are shared between jobs that run side by side."""

import os
from typing import Any

from ..errors import UserError, as_typed

# In the environment of a process that is for jobs: which of those side by side it is, counted from 0, and how many.
SLOT = "JOB_SLOT"
BESIDE = "JOBS_BESIDE"


def cores() -> int:
    """Return how many cores this process may use; not every SLURM confines its jobs to those that it gave them."""
    visible = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return at_most("SLURM_CPUS_PER_TASK", visible)


def at_most(variable: str, number: int) -> int:
    """Return `number`, or what the environment says, if that is less."""
    said = os.environ.get(variable, "")
    return min(number, int(said)) if said.isdigit() and int(said) > 0 else number


def processes(n_jobs: Any) -> int:
    """Return how many jobs run side by side: `n_jobs`, or, counted as joblib does, -1 for all cores, -2 for one less.

    Raises:
        UserError: `n_jobs` is 0, or no number.
    """
    if type(n_jobs) is not int or n_jobs == 0:
        raise UserError(
            f"hydra.launcher.n_jobs={as_typed(n_jobs)} is not allowed: 1 or more, or -1 for as many as there are cores"
        )
    return n_jobs if n_jobs > 0 else max(1, cores() + 1 + n_jobs)


def cores_for_this_job() -> int:
    """Return this process's cores, divided by the jobs beside it; Ray names those of a job in OMP_NUM_THREADS."""
    return at_most("OMP_NUM_THREADS", max(1, cores() // jobs_beside()))


def jobs_beside() -> int:
    """Return how many jobs run side by side on this machine, this one included."""
    return int(os.environ.get(BESIDE, "1"))


def gpus_for_this_job(gpus: int, needed: int) -> list[int] | None:
    """Return the numbers of the GPUs that this job has for itself, or None if it does not run beside others."""
    if SLOT not in os.environ or gpus <= needed:
        return None
    first = int(os.environ[SLOT]) * needed
    return [(first + i) % gpus for i in range(needed)]
