"""Contenders in processes of their own, each of which imports once and then trains whenever it is asked to."""

import multiprocessing
import os
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, Self
from unittest.mock import patch

from baked import environment, layers

TIMEOUT = 300  # seconds of a training
# What the launcher sets for the processes that it trains stacks in, see stacking/launching.py of the engine.
OF_STACKS = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20)}


class Took(NamedTuple):
    """The seconds of a training."""

    loop: float  # of the training itself
    call: float  # of all that came with it: data, network, tracker
    processor: float  # of the call, as the processor counts them: others on the machine matter less to these


class Contender:
    """A process that trains as a function of `contenders.py` says. Use it with `with`."""

    def __init__(self, name: str, project: Path) -> None:
        self.name = name
        self.log = project.parent / f"{name}.log"
        self.spawn = multiprocessing.get_context("spawn")
        self.connection, theirs = self.spawn.Pipe()
        arguments = (theirs, name, project, self.log, environment(project))
        self.process = self.spawn.Process(target=serve, args=arguments, daemon=True)
        with patch.dict(os.environ, OF_STACKS if name in ("stacked", "growing") else {}):
            self.process.start()  # glibc reads them as the process begins
        theirs.close()

    def train(self, model: str, steps: int, **more: Any) -> Took:
        """Train and return how long that took; `more` are further fields of a `Training`.

        Raises:
            RuntimeError: it failed.
        """
        self.connection.send({"model": model, "steps": steps} | more)
        try:
            if not self.connection.poll(TIMEOUT):
                raise RuntimeError(f"the contender {self.name} took longer than {TIMEOUT} seconds")
            return Took(*self.connection.recv())
        except EOFError:
            raise RuntimeError(f"the contender {self.name} failed:\n{self.log.read_text()[-2000:]}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.process.join(10)
        self.process.kill()


def serve(connection: Connection, name: str, project: Path, log: Path, variables: dict[str, str]) -> None:
    """Train as often as the other end of `connection` asks for it; messages go to the file `log`."""
    sys.stdout.flush()
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(project)
    sys.path[:0] = layers(project)  # a spawned process takes its parent's path, not PYTHONPATH
    from contenders import CONTENDERS, Training  # imports torch, which the parent does not need

    while True:
        try:
            training = Training(**connection.recv())
        except EOFError:
            return
        start, processor = time.perf_counter(), time.process_time()
        loop = CONTENDERS[name](training)
        connection.send((loop, time.perf_counter() - start, time.process_time() - processor))
