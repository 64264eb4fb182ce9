"""Commands of a project in processes that begin with torch and Lightning imported, as importing them takes seconds.

A server imports them once, and nothing of any project; each command runs in a fork of it, with the folder, environment,
arguments and module path of `python -m package ...`. The processes that a multirun starts for its jobs are forks too.
What depends on how Python starts (its environment, the imports of a command, a job's new interpreter) is tested with an
interpreter of its own: see `python` in conftest.py.
"""

import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from multiprocessing import context, forkserver
from pathlib import Path
from typing import IO, Any

IMPORTED = ("torch", "lightning.pytorch", "torchmetrics", "hydra", "omegaconf", "pydantic", "loguru")
PATIENCE = 1800  # seconds that a test waits for what must happen: no load of a machine comes near it
LARGEST = 1 << 17  # bytes of a request, which is one packet


class Started:
    """A command that runs: what `subprocess.Popen` offers, as far as tests need it. It leads a session of its own."""

    def __init__(self, link: socket.socket, pid: int, output: IO[bytes], errors: IO[bytes]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.link, self.output, self.errors = link, output, errors

    def poll(self, seconds: float = 0) -> int | None:
        """Return the exit status, or None if the command still runs after so many seconds."""
        if self.returncode is None and select.select([self.link], [], [], seconds)[0]:
            self.returncode = int(self.link.recv(LARGEST) or -signal.SIGKILL)
            self.link.close()
        return self.returncode

    def kill(self) -> None:
        """End the command if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for the end of the command, and return what it wrote to its two streams.

        Raises:
            TimeoutError: it has not ended after `timeout` seconds, and was killed.
        """
        try:
            ended = self.poll(timeout)
        except BaseException:  # of a session that is stopped
            os.kill(self.pid, signal.SIGKILL)
            raise
        if ended is None:
            self.kill()
            raise TimeoutError(f"A command has not ended after {timeout} s: {self.said(self.errors)}")
        return self.said(self.output), self.said(self.errors)

    @staticmethod
    def said(stream: IO[bytes]) -> str:
        """Return all that was written to a stream; its position belongs to the command."""
        return os.pread(stream.fileno(), os.fstat(stream.fileno()).st_size, 0).decode(errors="replace")


class Warm:
    """The server, which lives as long as the tests.

    Args:
        environment: that it starts in.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="warm-")
        self.address = str(Path(self.folder.name, "socket"))
        alone = {name: value for name, value in environment.items() if name != "PYTHONPATH"}
        command = [sys.executable, "-P", __file__, self.address]
        self.server = subprocess.Popen(command, env=alone, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self.server.stdout is not None
        assert self.server.stdout.readline() == b"ready\n", "the server has not started"

    def start(self, folder: Path, package: str, *words: str, environment: Mapping[str, str], merged: bool) -> Started:
        """Start a command of a package in a folder; with `merged`, both of its streams are written to the first."""
        output = tempfile.TemporaryFile()  # noqa: SIM115 - the command writes to it
        errors = output if merged else tempfile.TemporaryFile()  # noqa: SIM115
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        link.connect(self.address)
        request = json.dumps([str(folder), package, words, dict(environment)]).encode()
        assert len(request) < LARGEST
        socket.send_fds(link, [request], [output.fileno(), errors.fileno()])
        return Started(link, int(link.recv(LARGEST)), output, errors)

    def run(
        self, folder: Path, package: str, *words: str, environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of a package in a folder to its end."""
        started = self.start(folder, package, *words, environment=environment, merged=False)
        output, errors = started.communicate(timeout=PATIENCE)
        assert started.returncode is not None
        return subprocess.CompletedProcess([package, *words], started.returncode, output, errors)

    def __enter__(self) -> "Warm":
        return self

    def __exit__(self, *error: object) -> None:
        self.server.kill()
        self.server.communicate()
        self.folder.cleanup()


def serve(listener: socket.socket) -> tuple[str, list[str]]:
    """Fork a process for each request, and one that waits for its end; return in the process of a command only."""
    while True:
        link, _ = listener.accept()
        waiting = os.fork()
        if waiting == 0:
            break
        link.close()
        while waiting_ended():
            pass
    listener.close()
    request, streams, _, _ = socket.recv_fds(link, LARGEST, 2)
    child = os.fork()
    if child:
        link.send(str(child).encode())
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        link.send(str(ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status).encode())
        link.recv(1)  # until the test knows: its process id belongs to no other until then
        os._exit(0)
    link.close()
    folder, package, words, environment = json.loads(request)
    os.setsid()
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
    for stream in {*streams}:
        os.close(stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    here = Path.cwd()
    sys.path[:0] = [str(here / place) for place in ("", *environment["PYTHONPATH"].split(os.pathsep))]
    import_module("multiprocessing.process").ORIGINAL_DIR = str(here)  # type: ignore[attr-defined]
    return package, words


def waiting_ended() -> bool:
    """Take leave of a process that has waited for a command; say whether there was one."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


def share_with_workers(address: str) -> None:
    """Let what is started with `spawn` from here on be a fork of this process as it is now: it has run nothing yet.

    Python's own fork server does so, but would be a new interpreter. Workers ignore Ctrl-C, as spawned ones do.
    """
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen()
    alive, open_as_long_as_anybody_asks = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(open_as_long_as_anybody_asks)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            forkserver.main(listener.detach(), alive, [])
        finally:
            os._exit(0)
    os.close(alive)
    listener.close()
    server: Any = forkserver._forkserver
    server._forkserver_address, server._forkserver_pid = address, child
    server._forkserver_alive_fd = open_as_long_as_anybody_asks
    context._concrete_contexts["spawn"] = context._concrete_contexts["forkserver"]  # type: ignore[attr-defined]


def main() -> None:
    """Serve; and, in the process of a command, run it as `python -m` does."""
    for name in IMPORTED:
        import_module(name)
    gc.collect()
    gc.freeze()  # so that forks share the memory of what was imported
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(sys.argv[1])
        listener.listen(16)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        package, words = serve(listener)
    if "-m" in words:
        share_with_workers(f"{sys.argv[1]}-{os.getpid()}")
    sys.argv = [package, *words]
    runpy.run_module(package, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
