"""A multirun on Ray: on a cluster that runs already, or on one that is started here and ends with the command.

A job whose worker dies is told with its reason, and the others go on.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loguru import logger
from pydantic import NonNegativeFloat, PositiveFloat

from ...component_settings import Strict
from ...errors import UserError, first_line
from ...processes.signals import listening
from ...project import current
from ..jobs import Job
from ..jobs import run as run_job
from . import Assignment, require

GRACE = 60.0  # seconds that jobs have after Ctrl-C to write their checkpoints
GLANCE = 0.5  # seconds between two looks at the signals
STORE = 100 * 2**20  # bytes of shared memory for Ray's objects: jobs exchange files, not objects


class Options(Strict):
    """Where the jobs run and what each of them asks for, under `hydra.launcher`."""

    address: str | None = None  # of a cluster that runs, such as auto; None: one is started on this machine
    num_cpus: PositiveFloat | None = None  # None: hardware.threads for each of hardware.devices
    num_gpus: NonNegativeFloat | None = (
        None  # also a part of one; None: hardware.devices if hardware.accelerator is gpu
    )


def check_ready() -> None:
    """Refuse to begin where Ray is not installed."""
    require("ray", extra="ray")


def launch(jobs: Sequence[Assignment], options: Options, folder: Path) -> dict[str, str]:
    """Run jobs on the cluster, wait for their end, and return the reasons of those that died by the jobs' names.

    Raises:
        UserError: there is no cluster at the address.
    """
    ray = connect(options.address)
    try:
        sent = {}
        for job in jobs:
            cpus = options.num_cpus or job.needs.cores
            gpus = job.needs.gpus if options.num_gpus is None else options.num_gpus
            if options.address is None:
                check_fits(ray.cluster_resources(), cpus, gpus)
            task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=0)(run_in)
            sent[task.remote(Path.cwd(), job.job)] = job.name
        return wait(ray, sent)
    finally:
        ray.shutdown()


def connect(address: str | None) -> Any:
    """Return the module `ray`, connected to the cluster at `address`, or to a new one on this machine.

    Raises:
        UserError: there is no cluster at the address.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    # Where workers find the project and the engine, also when they are not installed.
    sources = (str(current().folder.parent), str(Path(__file__).parents[3]))
    path = os.pathsep.join(filter(None, [*sources, os.environ.get("PYTHONPATH")]))
    new: dict[str, Any] = {"include_dashboard": False, "object_store_memory": STORE} if address is None else {}
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": {"PYTHONPATH": path}},
            **new,
        )
    except (ConnectionError, ValueError) as error:
        raise UserError(f"hydra.launcher.address={address}: {str(error).partition(chr(10))[0]}") from None
    return ray


def check_fits(there: dict[str, float], cpus: float, gpus: float) -> None:
    """Refuse a job that this machine can never run: Ray would wait for ever. Other clusters may grow."""
    for name, needed in (("CPU", cpus), ("GPU", gpus)):
        if needed > there.get(name, 0):
            count = f"{there.get(name, 0):g} {name}s, and a job needs {needed:g}"
            raise UserError(f"This machine has {count}: see hardware and hydra.launcher.num_{name.lower()}s")


def run_in(folder: Path, job: Job) -> None:
    """Run a job in the working directory of the command: the run folders are relative to it."""
    os.chdir(folder)
    run_job(job)


def wait(ray: Any, sent: dict[Any, str]) -> dict[str, str]:
    """Wait until the jobs, given as names by Ray's references, have ended; return the reasons of those that died.

    Raises:
        Stopped: a signal has come; the jobs that ran have written a checkpoint.
    """
    died: dict[str, str] = {}
    waiting = list(sent)
    with listening() as stop:
        stop.is_patient = True  # Ray's own code cannot be left by an exception
        while waiting and stop.number is None:
            done, waiting = ray.wait(waiting, timeout=GLANCE)
            for reference in done:
                try:
                    ray.get(reference)
                except ray.exceptions.RayError as error:
                    died[sent[reference]] = first_line(getattr(error, "cause", None) or error)
                logger.info("Ray: {} of {} jobs ended", len(sent) - len(waiting), len(sent))
        if stop.number is not None:
            logger.warning("Stopping {} jobs; those that are running write a checkpoint first.", len(waiting))
            for reference in waiting:
                ray.cancel(reference, force=False)
            ray.wait(waiting, num_returns=len(waiting), timeout=GRACE)
        stop.obey()
    return died
