"""A run on several devices: the processes behind it, one for each.

The process that runs the job is the first rank. It starts the others, which do the same work without leaving a trace:
no folder, no log, no summary, no tracker. However it ends, they end with it. What they tell each other is in
`collectives.py`. Imports no torch by itself: the processes start while this one imports it.
"""

import copy
import logging
import os
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import connection
from multiprocessing.connection import Connection
from pathlib import Path
from signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from loguru import logger

from ..processes.cores import cores_for_this_job
from ..processes.signals import SIGNALS
from ..processes.workers import CONTEXT, Died, start_others_as_usual, when_parent_is_gone
from ..run_folder.record import RunRecord
from ..settings import Hardware, Tracking
from .detection import choose

SECONDS_TO_TELL = 2.0  # that a rank whose connection broke has to say why

Work = Callable[[Any], None]  # what a run does: it is called with a `Run`


class RankFailed(RuntimeError):
    """Another rank than the first failed, or its process is gone."""


class Group(NamedTuple):
    """Where the ranks of a run find each other: a file that they alone know."""

    meeting_point: Path
    ranks: int


def on_all_devices(work: Work) -> Work:
    """Return `work` as a run does it that may have several devices."""
    return partial(lead, work)


def number_of_devices(hardware: Hardware) -> int:
    """Return how many devices a run uses, after `choose`."""
    return len(hardware.devices) if isinstance(hardware.devices, list) else int(hardware.devices)


def lead(work: Work, run: RunRecord) -> None:
    """Do `work` as the first rank of as many as the run has devices.

    Raises:
        RankFailed: another rank could not go on.
    """
    run.settings = run.settings.model_copy(update={"hardware": choose(run.settings)})
    ranks = number_of_devices(run.settings.hardware)
    if ranks == 1:
        work(run)
        return
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        group = Group(Path(folder) / "ranks", ranks)
        others: list[Rank] = []
        try:
            for rank in range(1, ranks):
                others.append(Rank(work, run, rank, group))
            for other in others:
                other.wait_until_ready()
            with joined(group, rank=0):
                try:
                    work(run)
                except RuntimeError as error:
                    raise_reason(error, others)
        finally:
            for other in others:
                other.stop()


class Rank:
    """The process of another rank than the first, as the first one sees it."""

    def __init__(self, work: Work, run: RunRecord, rank: int, group: Group) -> None:
        self.name = f"rank {rank} of {group.ranks}"
        self.pipe, theirs = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=follow, args=(work, as_followed(run, group), rank, group, theirs))
        # The new process inherits that signals are blocked: the first rank alone decides when to stop.
        before = pthread_sigmask(SIG_BLOCK, SIGNALS)
        self.process.start()
        pthread_sigmask(SIG_SETMASK, before)
        theirs.close()

    def wait_until_ready(self) -> None:
        """Wait until the process has imported what it needs."""
        try:
            self.pipe.recv()
        except EOFError:
            self.process.join()
            raise RankFailed(f"{self.name}: {Died(self.process.exitcode)}") from None

    def failure(self) -> tuple[float, str, str] | None:
        """Return when the process failed, why, and the traceback, if it has failed."""
        if not self.pipe.poll():
            return None
        try:
            return self.pipe.recv()
        except EOFError:
            self.process.join()
            return (0.0, str(Died(self.process.exitcode)), "")

    def stop(self) -> None:
        """End the process at once: it has nothing to lose."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def raise_reason(error: RuntimeError, others: list[Rank]) -> None:
    """Raise what made another rank leave, if that is why its connection broke; otherwise `error` itself."""
    connection.wait([other.pipe for other in others], SECONDS_TO_TELL)
    failures = [(failure, other.name) for other in others if (failure := other.failure())]
    if not failures:
        raise error
    (_, reason, trace), name = min(failures)  # the first to fail: the others failed because of it
    logger.debug("{}: {}\n{}", name, reason, trace)
    raise RankFailed(f"{name}: {reason}") from error


def as_followed(run: RunRecord, group: Group) -> RunRecord:
    """Return the run as the other ranks see it: with nobody to tell about it."""
    followed = copy.copy(run)
    hardware = run.settings.hardware
    threads = hardware.threads or max(1, cores_for_this_job() // group.ranks)  # other jobs are known here only
    followed.settings = run.settings.model_copy(
        update={"hardware": hardware.model_copy(update={"threads": threads}), "tracking": Tracking(), "figures": False}
    )
    followed.is_first_rank = followed.is_alone = False
    return followed


def follow(work: Work, run: RunRecord, rank: int, group: Group, pipe: Connection) -> None:
    """Do `work` as another rank than the first, in a process of its own; tell the first one why it failed."""
    start_others_as_usual()
    when_parent_is_gone(lambda: os._exit(1))
    os.environ["LOCAL_RANK"] = str(rank)  # Lightning's name for it
    logger.remove()  # the first rank says what there is to say
    logging.disable()
    warnings.simplefilter("ignore")
    try:
        with joined(group, rank, partial(pipe.send, None)):
            work(run)
    except BaseException as error:
        pipe.send((time.monotonic(), f"{type(error).__name__}: {error}", traceback.format_exc()))
        os._exit(1)
    os._exit(0)


@contextmanager
def joined(group: Group, rank: int, when_ready: Callable[[], Any] = lambda: None) -> Iterator[None]:
    """Be a rank of `group` inside; `when_ready` is called when all is imported, before the others are waited for."""
    from torch import cuda, distributed

    when_ready()
    # Numbers that only the processor needs do not wait for the GPU.
    backend = "cpu:gloo,cuda:nccl" if cuda.is_available() else "gloo"
    place = f"file://{group.meeting_point}"
    distributed.init_process_group(backend, init_method=place, rank=rank, world_size=group.ranks)
    try:
        yield
    finally:
        distributed.destroy_process_group()
