"""SLURM's queue: which jobs of a multirun are in it, and what became of them.

States come from squeue, which every cluster has; sacct, which submitit asks, needs a data base that many do not have.
"""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock
from loguru import logger

from ...configs import listing
from ...errors import UserError
from ...processes.signals import Stopped, StopRequest
from ...whole_file import write_whole

# Every other state can still become RUNNING. GONE is our own: SLURM forgets a job minutes after its end.
ENDED = {"BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"}
ENDED |= {"REVOKED", "TIMEOUT", "GONE"}
LONGEST_PAUSE = 15.0  # seconds between two questions to the cluster


class State(NamedTuple):
    """What SLURM says of a job: its state, such as RUNNING, and a reason for it."""

    name: str
    reason: str


GONE = State("GONE", "SLURM has forgotten it")


class ClusterSilent(Exception):
    """SLURM's controller did not answer."""


@contextmanager
def register(files: Path) -> Iterator[dict[str, str]]:
    """Yield SLURM's ids of the jobs that were submitted before, by their names; keep what is added.

    A second command on the same multirun waits here until the first one has submitted its jobs.
    """
    path = files / "jobs.json"
    with FileLock(files / "lock"):
        try:
            ids = {str(name): str(number) for name, number in json.loads(path.read_bytes()).items()}
        except (OSError, ValueError, AttributeError):
            ids = {}  # there is none, or it is damaged; the lock of a run folder keeps its job from running twice
        try:
            yield ids
        finally:
            write_whole(path, json.dumps(ids, indent=1))


def still_queued(ids: dict[str, str]) -> set[str]:
    """Return the names of the jobs that wait or run in the cluster.

    Raises:
        UserError: the cluster does not answer.
    """
    try:
        states = ask_states()
    except ClusterSilent as error:
        raise UserError(f"SLURM does not answer: {error}") from None
    return {name for name, number in ids.items() if states.get(number, GONE).name not in ENDED}


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


def wait(names: dict[str, str], files: Path, stop: StopRequest) -> dict[str, str]:
    """Wait until jobs have ended; return the reasons of those that died by their names.

    `names` are those of the jobs by SLURM's ids, `files` is the folder with what they printed.

    Raises:
        Stopped: a signal has come; the jobs go on.
    """
    ended: dict[str, State] = {}
    told, pause = "", 1.0
    try:
        stop.is_patient = False
        stop.obey()
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
            "{} jobs stay in the cluster, and the same command waits for them. To cancel them: scancel {}",
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
