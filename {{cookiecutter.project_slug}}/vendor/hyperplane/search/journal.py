"""The study of a search on disk: `study.journal` in the folder of the sweep, one line of JSON for each event.

Optuna's journal and not SQLite: jobs on other machines write to it too, and SQLite's locks do not hold on the network
file systems of clusters. What the journal lacks, survival of a kill in the middle of a line, is in `JournalLock`.
"""

import warnings
from pathlib import Path

import optuna
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from ..errors import UserError, first_line

JOURNAL = "study.journal"


def open_journal(folder: Path) -> JournalStorage:
    """Return the journal in `folder`, whose events others may add to at the same time."""
    optuna.logging.disable_default_handler()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.logging.enable_propagation()
    warnings.simplefilter("ignore", ExperimentalWarning)
    path = folder / JOURNAL
    lock = JournalLock(path)
    try:
        return JournalStorage(JournalFileBackend(str(path), lock_obj=lock))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, AssertionError) as error:
        raise UserError(
            f"{path} is damaged: {first_line(error)}\n"
            "Move it away, and the same command starts again; the results of its jobs are in their folders."
        ) from None


class JournalLock(JournalFileOpenLock):
    """A lock that the system takes back from a process that died; Optuna's own would hold others up for 30 s.

    What was cut off in the middle of a line is removed before the next line is written.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path
        self.lock = FileLock(path.with_name(f".{path.stem}.lock"))

    def acquire(self) -> bool:
        """Wait for the lock."""
        self.lock.acquire()
        drop_torn_line(self.path)
        return True

    def release(self) -> None:
        self.lock.release()


def drop_torn_line(path: Path) -> None:
    """Remove what follows the last line break of a file."""
    with path.open("rb+") as file:
        end = file.seek(0, 2)
        if end == 0 or (file.seek(-1, 2) >= 0 and file.read(1) == b"\n"):
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
