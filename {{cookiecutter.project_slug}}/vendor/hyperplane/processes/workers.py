"""Jobs in processes of their own: one that crashes, or that the system kills, takes no other job with it.

A worker runs one job after the other, so that torch is imported once for each worker and not for each job. One that
dies is replaced. Several may be copies of a server, which imports once for all of them. Imports no torch.
"""

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process, set_start_method
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import MappingProxyType
from typing import Any

from .cores import BESIDE, SLOT
from .signals import SIGNALS, Stopped, listening

# A new interpreter, not a copy of this one: copies of a process with threads (torch, W&B) hang now and then.
CONTEXT: Any = get_context("spawn")
SERVER = f"{__package__}.server"  # what a server imports first


class Died(RuntimeError):
    """The process of a job is gone, and left no word."""

    def __init__(self, status: int | None) -> None:
        if status is not None and status < 0:
            name = signal.Signals(-status).name
            hint = ", as the system does when memory is used up" if name == "SIGKILL" else ""
            super().__init__(f"its process was killed by {name}{hint}")
        else:
            super().__init__(f"its process ended with status {status}")


class Worker:
    """A process that runs the jobs it is sent, one at a time. `slot` numbers the `beside` that run side by side."""

    def __init__(
        self,
        run: Callable[[Any], Any],
        slot: int,
        beside: int,
        environment: Mapping[str, str] = MappingProxyType({}),
        imported: str | None = None,
    ) -> None:
        self.slot = slot
        self.pipe, theirs = CONTEXT.Pipe()
        with set_for_a_while(environment):
            context = CONTEXT if imported is None else copies_of(imported)
            self.process = context.Process(target=serve, args=(run, theirs, slot, beside, dict(os.environ)))
            start_without_ctrl_c(self.process)
        theirs.close()

    def outcome(self) -> Any:
        """Return what the job returned, or the exception that it ended with."""
        try:
            return self.pipe.recv()
        except EOFError:
            self.process.join()
            return Died(self.process.exitcode)

    def stop(self) -> None:
        """End the process: a job that runs is asked to stop, and may write its checkpoint."""
        self.process.terminate()
        self.process.join()
        self.pipe.close()


def copies_of(module: str) -> Any:
    """Return what starts processes as copies of a server that has imported a module."""
    context: Any = get_context("forkserver")
    context.set_forkserver_preload([SERVER, module])
    return context


def start_without_ctrl_c(process: BaseProcess) -> None:
    """Start a process that ignores Ctrl-C, which reaches every process of a terminal, until it listens itself."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may say how signals are met
        process.start()
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, handler)


@contextmanager
def set_for_a_while(environment: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables, where they are not set, for what is started meanwhile."""
    missing = {name: value for name, value in environment.items() if name not in os.environ}
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]


def run_in_workers(
    run: Callable[[Any], Any],
    jobs: Sequence[Any],
    number: int,
    idle: list[Worker] | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
    imported: str | None = None,
) -> list[Any]:
    """Call `run` on every job, in `number` processes side by side; return what came of each, in order.

    `run` is a function of a module: it and the jobs are sent to other processes. `idle` are processes of an earlier
    call; those of this one are left there. New ones start with the variables of `environment`, unless these are set
    already. Several find the module `imported` imported, where that is safe: it starts no threads and uses no GPU.

    Returns:
        For each job what `run` returned, or the exception that it ended with: `Died` if its process did.

    Raises:
        Stopped: a signal has come; the jobs that ran have stopped, too.
    """
    outcomes: list[Any] = [None] * len(jobs)
    waiting = deque(enumerate(jobs))
    busy: dict[Connection, tuple[Worker, int]] = {}
    ready = [] if idle is None else idle
    if number < 2 or sys.platform != "linux":
        imported = None
    with listening():
        try:
            while waiting or busy:
                while waiting and len(busy) < number:
                    taken = {worker.slot for worker, _ in busy.values()}
                    slot = min({*range(number)} - taken)
                    worker = ready.pop() if ready else Worker(run, slot, number, environment, imported)
                    place, job = waiting.popleft()
                    busy[worker.pipe] = worker, place
                    worker.pipe.send(job)
                for pipe in connection.wait(list(busy)):
                    worker, place = busy.pop(pipe)  # type: ignore[call-overload]
                    outcomes[place] = worker.outcome()
                    if worker.process.is_alive():
                        ready.append(worker)
        finally:
            stop(worker for worker, _ in busy.values())
            if idle is None:
                stop(ready)
    return outcomes


def stop(workers: Iterable[Worker]) -> None:
    for worker in workers:
        worker.stop()


def serve(run: Callable[[Any], Any], pipe: Connection, slot: int, beside: int, environment: Mapping[str, str]) -> None:
    """Run jobs until there are no more, or until the process that sends them is gone."""
    os.environ.clear()  # that of a server may be older
    os.environ |= {**environment, SLOT: str(slot), BESIDE: str(beside)}
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # a server holds them back
    start_others_as_usual()
    when_parent_is_gone(lambda: os.kill(os.getpid(), signal.SIGTERM))  # asks the job to stop
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        try:
            outcome = run(job)
        except Exception as error:
            outcome = RuntimeError(f"{type(error).__name__}: {error}")
        except Stopped as stop:
            os._exit(128 + stop.number)  # the summary is written; what else runs here does not matter
        pipe.send(outcome)


def start_others_as_usual() -> None:
    """Let the processes that a job starts, such as workers of a DataLoader, start as those of a single run do.

    They would inherit the way that this one was started in, and import torch, each of them for seconds.
    """
    set_start_method(None, force=True)


def when_parent_is_gone(end: Callable[[], None]) -> None:
    """Call `end` when the process that started this one is gone, however it ended."""
    parent = parent_process()
    assert parent is not None

    def wait() -> None:
        connection.wait([parent.sentinel])
        end()

    threading.Thread(target=wait, daemon=True).start()
