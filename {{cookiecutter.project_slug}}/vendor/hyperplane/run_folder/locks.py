"""One process at a time in a run folder."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout
from loguru import logger

from ..errors import UserError
from ..paths import shown

LOCK = ".lock"
SECONDS_TO_LEAVE = 10.0  # that a process which is being stopped has to leave a run folder


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run folder; the system opens it again however this process ends.

    Raises:
        UserError: another process works there, or nothing can be written.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=SECONDS_TO_LEAVE)
    except Timeout:
        raise UserError(f"{shown(folder)} is being trained by another process") from None
    except NotImplementedError:
        logger.warning("This file system has no locks: nothing keeps two processes from training the same run.")
    except OSError as error:
        raise UserError(f"{shown(folder)} cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def at_work_in(folder: Path) -> Iterator[None]:
    """Show others that a process works in a folder. None is kept out; the lock of the first that came is seen."""
    lock = FileLock(folder / LOCK)
    with suppress(Timeout, OSError, NotImplementedError):
        lock.acquire(timeout=1)  # who looks holds it for a moment
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Say whether a process works on the run in `folder`."""
    if not (folder / LOCK).exists():
        return False  # without leaving one there
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False
