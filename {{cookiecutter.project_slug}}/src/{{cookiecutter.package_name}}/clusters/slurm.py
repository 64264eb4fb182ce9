"""A multirun on SLURM: submits the jobs as arrays, waits for them, and says what became of those that died.

submitit writes and sends the batch scripts. States come from squeue, which every cluster has; sacct, which submitit
asks, needs a data base that many do not have.

A job that is preempted or reaches its time limit is queued again, by SLURM or by `train` itself, and goes on from its
checkpoint: the same job always has the same run folder.
"""

import fcntl
import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Annotated, NamedTuple

from loguru import logger
from pydantic import Field, NonNegativeInt, PositiveInt

from ..components import Strict
from ..configs import listing
from ..jobs import Job
from ..jobs import run as run_job
from ..mistakes import UserMistake
from ..signals import Stopped, listening
from . import Assignment, Needs, require

# Every other state can still become RUNNING. GONE is our own: SLURM forgets a job minutes after its end.
ENDED = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"}
ENDED |= {"REVOKED", "TIMEOUT", "GONE"}
NOTICE = 90  # seconds before its time limit at which a job is told, to write a checkpoint
LONGEST_PAUSE = 15.0  # seconds between two questions to the cluster

# What becomes part of a shell script can come from others: it sets up software, and nothing else.
Line = Annotated[str, Field(pattern=r"^[^\n\r]*$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z-]*$")]
Setup = Annotated[str, Field(pattern=r"^(module|ml|source|conda|mamba|spack|export|ulimit) [\w $./=+:,~-]*$")]


class Options(Strict):
    """What every job asks SLURM for, under `hydra.launcher`; None leaves it to the cluster."""

    partition: Line | None = None
    account: Line | None = None
    qos: Line | None = None
    constraint: Line | None = None  # features that the node must have
    mem: Line | int | None = None  # memory of the node: 8G, or a number of megabytes
    time: Annotated[int, Field(ge=5)] = 60  # minutes; a job that needs more is queued again and goes on
    cpus_per_task: PositiveInt | None = None  # None: hardware.threads for each of hardware.devices
    gpus_per_node: NonNegativeInt | None = None  # None: hardware.devices if hardware.accelerator is gpu
    array_parallelism: PositiveInt = 256  # how many jobs of the multirun run at the same time
    setup: tuple[Setup, ...] = ()  # lines of shell that precede a job, such as module load cuda
    sbatch: dict[Name, Line | int | bool] = Field(default_factory=dict)  # any other option of sbatch, by its long name


class State(NamedTuple):
    """What SLURM says of a job: its state, such as RUNNING, and a reason for it."""

    name: str
    reason: str


GONE = State("GONE", "SLURM has forgotten it")


class ClusterSilent(Exception):
    """SLURM's controller did not answer."""


def check_ready() -> None:
    """Refuse to begin where no job can be submitted."""
    require("submitit", extra="slurm")
    for command in ("sbatch", "squeue", "srun"):
        if shutil.which(command) is None:
            raise UserMistake(
                f"hydra/launcher=slurm needs the command {command}, which is not found here: start from a login node "
                f"of the cluster. hydra/launcher=joblib runs the jobs side by side on this machine."
            )


def launch(jobs: Sequence[Assignment], options: Options, folder: Path) -> dict[str, str]:
    """Run jobs on the cluster, wait for their end, and return the reasons of those that died by the jobs' names.

    Args:
        jobs: to run; those that an earlier command submitted and that have not ended are not submitted again.
        options: what each of them asks for.
        folder: of the multirun; what a job printed lies in its `.submitit`.

    Raises:
        UserMistake: SLURM does not answer, or refuses the jobs.
    """
    if re.search(r"[%\n\r]", str(folder.resolve())):
        raise UserMistake(f"hydra/launcher=slurm does not work in {folder.resolve()}: SLURM replaces %, wherever it is")
    files = folder / ".submitit"
    files.mkdir(parents=True, exist_ok=True)
    with register(files) as ids:
        there = still_queued(ids)
        if known := [job for job in jobs if job.name in there]:
            logger.info("{} of the jobs are in the cluster already: waiting for them", len(known))
        new = [job for job in jobs if job.name not in there]
        for need in sorted({job.needs for job in new}):
            ids |= submit([job for job in new if job.needs == need], need, options, files, folder.name)
        waiting = {ids[job.name]: job.name for job in jobs}
    return wait(waiting, files)


@contextmanager
def register(files: Path) -> Iterator[dict[str, str]]:
    """Yield SLURM's ids of the jobs that were submitted before, by their names; keep what is added.

    A second command on the same multirun waits here until the first one has submitted its jobs.
    """
    path = files / "jobs.json"
    with (files / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            ids = {str(name): str(number) for name, number in json.loads(path.read_bytes()).items()}
        except (
            OSError,
            ValueError,
            AttributeError,
        ):  # none yet, or damaged: then a job's lock keeps it from running twice
            ids = {}
        try:
            yield ids
        finally:
            partial = path.with_name("jobs.json.partial")
            partial.write_text(json.dumps(ids, indent=1), encoding="utf-8")
            partial.replace(path)


def still_queued(ids: dict[str, str]) -> set[str]:
    """Return the names of the jobs that wait or run in the cluster.

    Raises:
        UserMistake: the cluster does not answer.
    """
    try:
        states = ask_states()
    except ClusterSilent as error:
        raise UserMistake(f"SLURM does not answer: {error}") from None
    return {name for name, number in ids.items() if states.get(number, GONE).name not in ENDED}


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
        raise UserMistake(f"SLURM refused the jobs: {error}") from None
    return {job.name: sent.job_id for job, sent in zip(jobs, submitted, strict=True)}


def ask_states() -> dict[str, State]:
    """Return the states of this user's jobs, also of those that ended in the last minutes, by their ids.

    Raises:
        ClusterSilent: the controller does not answer.
    """
    command = ["squeue", "--me", "--array", "--states=all", "--noheader", "--format=%i|%T|%r"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ClusterSilent(done.stderr.strip())
    rows = (line.strip().split("|", 2) for line in done.stdout.splitlines() if line.count("|") >= 2)
    return {number: State(name, reason) for number, name, reason in rows}


def wait(names: dict[str, str], files: Path) -> dict[str, str]:
    """Wait until the jobs, given as names by ids, have ended; return the reasons of those that died by their names.

    Raises:
        Stopped: a signal has come; the jobs go on.
    """
    ended: dict[str, State] = {}
    told, pause = "", 1.0
    try:
        with listening():
            while len(ended) < len(names):
                try:
                    states = ask_states()
                except ClusterSilent as error:  # its controller is started anew, say; the jobs run on
                    message = f"SLURM does not answer: {error}"
                else:
                    now = {number: states.get(number, GONE) for number in names if number not in ended}
                    ended |= {number: state for number, state in now.items() if state.name in ENDED}
                    message = progress([state for number, state in now.items() if number not in ended], len(names))
                if message != told:
                    logger.info("{}", message)
                if len(ended) < len(names):
                    time.sleep(pause)
                told, pause = message, min(1.2 * pause, LONGEST_PAUSE)
    except Stopped:
        open_arrays = sorted({number.partition("_")[0] for number in names if number not in ended})
        logger.warning(
            "{} jobs go on in the cluster, and the same command waits for them. To cancel them: scancel {}",
            len(names) - len(ended),
            " ".join(open_arrays),
        )
        raise
    return {
        names[number]: f"SLURM job {number} ended as {state.name} ({state.reason}), see {files}/{number}_0_log.err"
        for number, state in ended.items()
        if state.name != "COMPLETED"
    }


def progress(waiting: Sequence[State], total: int) -> str:
    """Say in a line where the jobs stand, and why some of them are pending."""
    counts = Counter(state.name.lower() for state in waiting)
    parts = [f"{total - len(waiting)} of {total} jobs ended", *(f"{count} {name}" for name, count in counts.items())]
    reasons = sorted({state.reason for state in waiting if state.name == "PENDING"} - {"None"})
    return f"SLURM: {', '.join(parts)}{f' ({listing(reasons)})' if reasons else ''}"


def run(job: Job) -> None:
    """Run a job on its node; the exit status, which SLURM shows, is that of `train`."""
    try:
        summary = run_job(job)
    except Stopped as stop:
        sys.exit(128 + stop.number)
    if summary.get("status") != "completed":
        sys.exit(1)
