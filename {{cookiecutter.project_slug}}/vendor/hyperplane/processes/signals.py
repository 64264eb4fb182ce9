"""Ctrl-C and the signals of a cluster: a run finishes its step, writes a checkpoint, and ends with a summary."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import parent_process
from types import FrameType

from ..terminal import ERASE, is_drawn_on
from ..turns import current

# SIGINT is Ctrl-C; SIGTERM a shutdown or a preemption; SLURM announces its time limit with SIGUSR1 or SIGUSR2.
NAMES = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2")
SIGNALS = tuple(signal.Signals[name] for name in NAMES if name in signal.Signals.__members__)


class Stopped(BaseException):
    """A signal asked this process to stop. `number` is that of the signal; the exit status is 128 more."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(f"stopped by {'Ctrl-C' if number == signal.SIGINT else signal.Signals(number).name}")


class Pruned(Exception):
    """A search gave this run up."""


class StopRequest:
    """Whether a signal has come.

    While `is_patient`, the first one is only noted, and whoever works looks at `number` when nothing is half done; a
    second Ctrl-C does not wait. Otherwise a signal raises `Stopped` at once.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.is_patient = False
        self.followers: list[StopRequest] = []  # of jobs that take turns in this process, see turns.py
        self.process = os.getpid()

    def receive(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal. Nothing is logged here: the code that was interrupted may hold the logger's lock."""
        if os.getpid() != self.process:  # a worker of a DataLoader, forked with this handler, which its parent ends
            if number != signal.SIGINT:
                os._exit(128 + number)
            return
        first = self.number is None
        self.number = number
        for follower in self.followers:
            follower.number = number
        if first and self.is_patient and number == signal.SIGINT and parent_process() is None:
            say(f"Ctrl-C: {awaited(frame)}, and then a checkpoint is written. Ctrl-C again stops at once, without it.")
        if not self.is_patient or (number == signal.SIGINT and not first):
            raise Stopped(number)

    def obey(self) -> None:
        """Raise `Stopped` if a signal has come."""
        if self.number is not None:
            raise Stopped(self.number)

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Only note signals inside, and obey them at the end."""
        self.is_patient = True
        try:
            yield
        finally:
            self.is_patient = False
        self.obey()


@contextmanager
def at_once() -> Iterator[None]:
    """Let signals raise `Stopped` at once inside: what is done there leaves nothing that a checkpoint could hold."""
    handler = signal.getsignal(signal.SIGTERM)
    request = getattr(handler, "__self__", None)
    if not isinstance(request, StopRequest) or not request.is_patient:
        yield
        return
    request.is_patient = False  # first: a signal that came after `obey` would only be noted
    try:
        request.obey()
        yield
    finally:
        request.is_patient = True


def awaited(frame: FrameType | None) -> str:
    """Return what a run waits for, in words, from the code that a signal has interrupted."""
    while frame is not None:
        if "/torch/utils/data/" in frame.f_code.co_filename.replace(os.sep, "/"):
            return "waiting for the next batch of the data"
        frame = frame.f_back
    return "waiting for the end of this step"


def say(sentence: str) -> None:
    """Write a line without a lock, on a terminal in the place of a progress bar, which is drawn again below."""
    with suppress(OSError, ValueError):  # stderr may be closed
        os.write(2, f"{ERASE * is_drawn_on()}{sentence}\n".encode())


@contextmanager
def listening() -> Iterator[StopRequest]:
    """Yield the request that signals go to inside; in another thread than the main one no signal arrives."""
    request = StopRequest()
    turn = current()
    if turn is not None:
        request.number = turn.stop.number
        turn.stop.followers.append(request)
    is_main = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, request.receive) for number in SIGNALS} if is_main else {}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if turn is not None:
            turn.stop.followers.remove(request)
