"""Jobs that take turns in one process: each has a thread of its own, and only one of them works at any time.

A job can so be stopped in the middle of its work, wherever that is, for others to catch up. Imports no torch.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .processes.signals import StopRequest

_here = threading.local()


class Turn:
    """A job that works until it asks for something, and goes on when it is answered.

    `work` is called in the job's own thread. `stop` is the request that signals go to; what the job listens to learns
    of it. `beside` counts this one, too.
    """

    def __init__(self, work: Callable[[], Any], stop: "StopRequest", beside: int = 1) -> None:
        self.work = work
        self.stop = stop
        self.beside = beside
        self.request: Any = None  # what the job waits for, if it does
        self.answer: Any = None
        self.outcome: Any = None  # what `work` returned, or the exception that it ended with
        self.is_over = False
        self.own, self.others = threading.Lock(), threading.Lock()  # released by who hands over the turn
        self.own.acquire(), self.others.acquire()
        self.thread = threading.Thread(target=self.run, daemon=True)  # a process that is told to stop does not wait

    @property
    def has_begun(self) -> bool:
        """Whether the job was ever given the turn."""
        return self.thread.ident is not None

    def go_on(self, answer: Any = None) -> None:
        """Let the job work until it asks for something, or has ended; called by who holds the turn."""
        self.request, self.answer = None, answer
        self.enter()
        if self.has_begun:
            self.own.release()
        else:
            self.thread.start()
        self.others.acquire()
        self.leave()

    def ask(self, request: Any) -> Any:
        """Hand the turn back, and return the answer; called by the job."""
        self.request = request
        self.others.release()
        self.own.acquire()
        return self.answer

    def enter(self) -> None:
        """Prepare the process for this job."""

    def leave(self) -> None:
        """Keep what this job left in the process."""

    def run(self) -> None:
        _here.turn = self
        try:
            self.outcome = self.work()
        except BaseException as error:
            self.outcome = error
        finally:
            self.is_over = True
            self.others.release()


def current() -> Turn | None:
    """Return the job that this thread works for, if it takes turns with others."""
    return getattr(_here, "turn", None)
