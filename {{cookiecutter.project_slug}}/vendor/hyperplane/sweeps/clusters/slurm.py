"""A multirun on SLURM: submits the jobs as arrays, waits for them, and says what became of those that died.

submitit writes and sends the batch scripts; `slurm_queue.py` asks how the jobs are. A job that is preempted or reaches
its time limit is queued again, by SLURM or by `train` itself, and goes on from its checkpoint: the same job always has
the same run folder.
"""

import re
import shutil
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Annotated

from loguru import logger
from pydantic import Field, NonNegativeInt, PositiveInt

from ...component_settings import Strict
from ...errors import UserError
from ...processes.signals import Stopped, listening
from ..jobs import Job
from ..jobs import run as run_job
from . import Assignment, Needs, require
from .slurm_queue import register, still_queued, wait

NOTICE = 90  # seconds before its time limit at which a job is told, to write a checkpoint

# What becomes part of a shell script can come from others: it sets up software, and nothing else.
Line = Annotated[str, Field(pattern=r"^[^\n\r]*$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z-]*$")]
Setup = Annotated[str, Field(pattern=r"^(module|ml|source|conda|mamba|spack|export|ulimit) [\w $./=+:,~-]*$")]


class Options(Strict):
    """What every job asks SLURM for, under `hydra.launcher`; None leaves it to the cluster."""

    partition: Line | None = None  # queue of the cluster
    account: Line | None = None  # who pays
    qos: Line | None = None  # quality of service
    constraint: Line | None = None  # features that the node must have
    mem: Line | int | None = None  # memory of the node: 8G, or a number of megabytes
    time: Annotated[int, Field(ge=5)] = 60  # minutes; a job that needs more is queued again and goes on
    cpus_per_task: PositiveInt | None = None  # None: hardware.threads for each of hardware.devices
    gpus_per_node: NonNegativeInt | None = None  # None: hardware.devices if hardware.accelerator is gpu
    array_parallelism: PositiveInt = 256  # how many jobs of the multirun run at the same time
    setup: tuple[Setup, ...] = ()  # lines of shell that precede a job, such as module load cuda
    sbatch: dict[Name, Line | int | bool] = Field(default_factory=dict)  # any other option of sbatch, by its long name


def check_ready() -> None:
    """Refuse to begin where no job can be submitted."""
    require("submitit", extra="slurm")
    for command in ("sbatch", "squeue", "srun"):
        if shutil.which(command) is None:
            raise UserError(
                f"hydra/launcher=slurm needs the command {command}, which is not found here: start from a login node "
                f"of the cluster. hydra/launcher=joblib runs the jobs side by side on this machine."
            )


def launch(jobs: Sequence[Assignment], options: Options, folder: Path) -> dict[str, str]:
    """Run jobs on the cluster, wait for their end, and return the reasons of those that died by the jobs' names.

    Those that an earlier command submitted and that have not ended are not submitted again. What a job printed lies in
    `.submitit`.

    Raises:
        UserError: SLURM does not answer, or refuses the jobs.
        Stopped: a signal has come; the jobs go on in the cluster.
    """
    if re.search(r"[%\n\r]", str(folder.resolve())):
        raise UserError(f"hydra/launcher=slurm does not work in {folder.resolve()}: SLURM replaces %, wherever it is")
    files = folder / ".submitit"
    files.mkdir(parents=True, exist_ok=True)
    with listening() as stop:
        stop.is_patient = True  # until it is on the disk which jobs were submitted
        with register(files) as ids:
            there = still_queued(ids)
            if known := [job for job in jobs if job.name in there]:
                logger.info("{} of the jobs are in the cluster already: waiting for them", len(known))
            new = [job for job in jobs if job.name not in there]
            for need in sorted({job.needs for job in new}):
                ids |= submit([job for job in new if job.needs == need], need, options, files, folder.name)
        return wait({ids[job.name]: job.name for job in jobs}, files, stop)


def submit(jobs: Sequence[Assignment], need: Needs, options: Options, files: Path, label: str) -> dict[str, str]:
    """Submit jobs of equal needs as one array; return SLURM's ids by their names."""
    import submitit
    from submitit.core.utils import FailedJobError

    cores = options.cpus_per_task or need.cores
    gpus = need.gpus if options.gpus_per_node is None else options.gpus_per_node
    flags = options.model_dump(include={"partition", "account", "qos", "constraint", "mem"}, exclude_none=True)
    executor = submitit.SlurmExecutor(files)
    executor.update_parameters(
        job_name=label,
        time=options.time,
        signal_delay_s=NOTICE,
        cpus_per_task=cores,
        gpus_per_node=gpus or None,
        array_parallelism=options.array_parallelism,
        setup=list(options.setup),
        srun_args=["--cpus-per-task", str(cores)],  # srun does not take it over from sbatch since SLURM 22.05
        additional_parameters={"requeue": True, **flags, **options.sbatch},
    )
    try:
        with redirect_stderr(StringIO()), executor.batch():  # sbatch's words are in the error as well
            submitted = [executor.submit(run, job.job) for job in jobs]
    except FailedJobError as error:
        raise UserError(f"SLURM refused the jobs: {error}") from None
    return {job.name: sent.job_id for job, sent in zip(jobs, submitted, strict=True)}


def run(job: Job) -> None:
    """Run a job on its node; the exit status, which SLURM shows, is that of `train`."""
    try:
        summary = run_job(job)
    except Stopped as stop:
        sys.exit(128 + stop.number)
    if summary.get("status") != "completed":
        sys.exit(1)
