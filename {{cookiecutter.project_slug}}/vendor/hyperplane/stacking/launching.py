"""`hydra/launcher=stacked`: jobs that differ in numbers only train as one; the others run as they always do."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from hydra.core.utils import JobReturn
from loguru import logger

from ..processes.signals import Stopped, listening
from ..processes.workers import Worker, run_in_workers
from ..sweeps.jobs import Job, imported_once, returned, run
from .grouping import group

# Of glibc's malloc; others do not read it. The tensors of all members are of a size that it gives back to the system
# after each step, which fills them with zeros for the next one. At most 1 GiB is kept; 32 MiB is the largest bound.
KEEP_FREE_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20)}


def run_stacked(
    jobs: Sequence[Job], number: int, most: int | None, idle: list[Worker] | None = None
) -> list[JobReturn]:
    """Run jobs, those together that can be stacked.

    Args:
        jobs: of a multirun.
        number: of processes side by side, each with a stack or a single job.
        most: members of a stack; None: as many as fit into memory.
        idle: processes of an earlier call, see `run_in_workers`.
    """
    parts, reasons = group(jobs, most, number)
    for reason, count in reasons.items():
        logger.info("{} by itself. {}", "1 job runs" if count == 1 else f"{count} jobs run, each", reason)
    sizes = [len(part) for part in parts if len(part) > 1]
    if sizes:
        logger.info("{} jobs train as {} of {} members", sum(sizes), named(len(sizes)), " and ".join(counted(sizes)))
    together = partial(run_together, most, min(number, max(1, len(sizes))))
    of_parts = [[jobs[i] for i in part] for part in parts]
    ended = run_in_workers(together, of_parts, number, idle, KEEP_FREE_MEMORY, imported_once(jobs))
    outcomes: dict[int, Any] = {}
    for part, outcome in zip(parts, ended, strict=True):
        of_members = outcome if isinstance(outcome, list) else [outcome] * len(part)  # what became of their process
        outcomes |= zip(part, of_members, strict=True)
    return [returned(outcomes[i]) for i in range(len(jobs))]


def named(number: int) -> str:
    """Return the number of stacks in words."""
    return "one stack" if number == 1 else f"{number} stacks"


def counted(sizes: Sequence[int]) -> list[str]:
    """Return the sizes that there are."""
    return [str(size) for size in sorted(set(sizes), reverse=True)]


def run_together(most: int | None, processes: int, jobs: Sequence[Job]) -> list[Any]:
    """Run jobs in this process, as members of a stack if there are several; return what came of each.

    Raises:
        Stopped: a signal has come; each member has stopped, with a checkpoint.
    """
    if len(jobs) == 1:
        return [run(jobs[0])]
    from .driving import drive  # imports torch
    from .member import Member

    with listening() as stop:
        stop.is_patient = True
        members = [Member(partial(run, job), stop, len(jobs)) for job in jobs]
        drive(members, stop, most, processes)
        if stop.number is not None:
            raise Stopped(stop.number)
    return [as_error(member.outcome) for member in members]


def as_error(outcome: Any) -> Any:
    """Return what another process is told of a job: its result, or an error in words."""
    return RuntimeError(f"{type(outcome).__name__}: {outcome}") if isinstance(outcome, BaseException) else outcome
