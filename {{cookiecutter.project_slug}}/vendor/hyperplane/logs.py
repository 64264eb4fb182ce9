"""One style for every message: loguru on the terminal, and everything in the run's `train.log`.

Hydra, Lightning, W&B and Python's warnings speak through `logging`; `LoguruHandler` hands their records on.
"""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from loguru import logger

from .secrets import mask
from .terminal import ERASE, is_drawn_on
from .turns import current

if TYPE_CHECKING:
    from loguru import Message, Record

TERMINAL_FORMAT = "<dim>{time:HH:mm:ss}</dim> <level>{level: <7}</level> {message}"
FILE_FORMAT = "{time:YYYY-MM-DD HH:mm:ss.SSS} {level: <7} {name}:{line} {message}"
# Warnings of Lightning and torch, as patterns, and why they do not apply here
DO_NOT_APPLY = (
    "does not have many workers",  # batches come from tensors in memory: worker processes would only slow them down
    "this fit will run with no optimizer",  # a model that is solved has none
    "`srun` command is available",  # a run is one process
    "smaller than the logging interval",  # metrics are logged at the end of an epoch
    "could not find the monitored key",  # a run may end within its first epoch, before anything was validated
    "sync_dist=True",  # on several devices, every rank has the metrics of all
    "exists and is not empty",  # a job that is run again writes over the checkpoints of its first try
    "callbacks used to create the checkpoint",  # evaluation needs the weights, not the callbacks of the training
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
)
# How messages of Lightning begin that stand in each `train.log`, and say nothing that the run does not say itself
OF_EACH_RUN = ("GPU available", "TPU available", "💡 Tip", "Restoring states", "Restored all", "Loaded model weights")
_terminal: TextIO | None = None  # that messages go to
_run_logs: list["RunLog"] = []  # of the runs that go on in this process


class LoguruHandler(logging.Handler):
    """Hands the records of `logging` to loguru, with the line that wrote them.

    Hydra makes one at the start of a command and of every job, in whatever process that runs, so the terminal's style
    is set here too.
    """

    def __init__(self) -> None:
        super().__init__()
        log_to_terminal()

    def emit(self, record: logging.LogRecord) -> None:
        """Log `record` at the loguru level of the same name; a warning once in each run."""
        if record.name == "py.warnings" and was_said(record.getMessage()):
            return
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        source = logger.patch(lambda entry: entry.update({"name": record.name, "line": record.lineno}))
        source.opt(exception=record.exc_info).log(level, "{}", record.getMessage().strip())


def log_to_terminal() -> None:
    """Send messages to stderr, coloured when it is a terminal; of other libraries only what needs attention.

    What goes to the logs of runs is set up here as well: asked for again, as each job of a sweep does, there is
    nothing to do, and loguru takes milliseconds for each sink. `diagnose` stays off: it would write the values of
    variables into the log.
    """
    global _terminal
    if _terminal is sys.stderr:
        return
    _terminal = sys.stderr
    logger.remove()
    logger.configure(patcher=mask_message)
    form = ERASE + TERMINAL_FORMAT if is_drawn_on() else TERMINAL_FORMAT
    colours = False if os.environ.get("NO_COLOR") else None  # None: where it is a terminal
    logger.add(
        sys.stderr, level="INFO", format=form, filter=is_for_terminal, colorize=colours, backtrace=False, diagnose=False
    )
    logger.add(write_to_files, level="DEBUG", format=FILE_FORMAT, backtrace=False, diagnose=False)
    logging.captureWarnings(True)
    warnings.formatwarning = lambda message, category, *_: f"{category.__name__}: {message}"


def mask_message(record: "Record") -> None:
    """Leave no secret in a message."""
    record["message"] = mask(record["message"])


def is_for_terminal(record: "Record") -> bool:
    """Keep the chatter of Lightning and Hydra's launchers for `train.log`, and matplotlib's about its own cache."""
    chatty = ("lightning", "hydra_plugins", "joblib")
    if record["name"] in ("matplotlib", "matplotlib.font_manager"):  # where home is read-only, of no interest to a run
        return record["level"].no >= logging.ERROR
    return record["level"].no >= logging.WARNING or not str(record["name"]).startswith(chatty)


class RunLog:
    """The `train.log` of a run that goes on.

    When the disk is full, the messages on the terminal go on. Of jobs that take turns, each has its own messages.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.job = current()
        self.file = path.open("a", encoding="utf-8", buffering=1)
        self.is_whole = True
        self.warnings: set[str] = set()  # of Python, that were said

    def write(self, line: "Message") -> None:
        """Write a message, unless it is of another job."""
        if current() not in (None, self.job):
            return
        try:
            # The message is masked; a traceback comes after it. To read the environment takes a tenth of a millisecond.
            self.file.write(mask(line) if line.record["exception"] else line)
        except OSError as error:
            if self.is_whole:
                sys.stderr.write(f"{self.path} cannot be written: {error.strerror}\n")  # a sink must not log
            self.is_whole = False


def was_said(warning: str) -> bool:
    """Say whether all runs that go on have had a warning: Python forgets it whenever a filter of warnings changes."""
    mine = [log for log in _run_logs if current() in (None, log.job)]
    missing = [log for log in mine if warning not in log.warnings]
    for log in missing:
        log.warnings.add(warning)
    return bool(mine) and not missing


def write_to_files(line: "Message") -> None:
    """Write a message into the logs of the runs that it is of."""
    for log in tuple(_run_logs):
        log.write(line)


@contextmanager
def log_to_file(path: Path) -> Iterator[None]:
    """Write every message to `path` as well, for as long as the context lasts."""
    log_to_terminal()
    log = RunLog(path)
    _run_logs.append(log)
    try:
        yield
    finally:
        _run_logs.remove(log)
        with suppress(OSError):
            log.file.close()


def is_news(record: logging.LogRecord) -> bool:
    """Say whether a message of Lightning is more than what it says of each run."""
    return record.levelno > logging.INFO or not str(record.msg).startswith(OF_EACH_RUN)


def adopt_lightning() -> None:
    """Take Lightning's own handlers away, so that its messages reach ours; drop what does not apply here."""
    for name, other in logging.root.manager.loggerDict.items():
        if name.startswith(("lightning", "torch")) and isinstance(other, logging.Logger):
            other.handlers.clear()
            other.propagate = True
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(is_news)
    for message in DO_NOT_APPLY:
        warnings.filterwarnings("ignore", f".*{message}")
