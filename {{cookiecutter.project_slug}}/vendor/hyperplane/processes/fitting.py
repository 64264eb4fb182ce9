"""Fitting an estimator of scikit-learn in a process of its own, which can be ended at any moment.

Its threads do not look at signals, and hold the interpreter until they are done, which may take minutes. The process
imports no torch, and reads the samples from files that it does not copy.
"""

import copy
import os
import signal
import tempfile
import time
import traceback
import warnings
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from .signals import SIGNALS
from .workers import Died, start_without_ctrl_c, when_parent_is_gone

SECONDS_BETWEEN_LINES = 30.0
SECONDS_TO_CLEAN_UP = 1.0
MANY = 100_000  # input values: fitting more may take long
CONTEXT = get_context("spawn")  # a new interpreter, not a copy of this one with all of torch


def fitted(estimator: Any, inputs: NDArray[Any], targets: NDArray[Any]) -> Any:
    """Return the fitted estimator: in this process if the inputs are few, as starting another takes a second."""
    return estimator.fit(inputs, targets) if inputs.size <= MANY else fit_apart(estimator, inputs, targets)


def fit_apart(estimator: Any, inputs: NDArray[Any], targets: NDArray[Any]) -> Any:
    """Return the fitted estimator; a line now and then says how long it has been at it.

    Inputs are (samples, features), targets (samples,) or (samples, K).

    Raises:
        Exception: whatever `fit` raised, with the lines where it did as a note.
        Died: the process is gone without a word.
        Stopped: a signal has come; the process has ended.
    """
    what = f"{type(estimator).__name__}: fitting {' × '.join(map(str, inputs.shape))} values"
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name, file) for file in ("inputs.npy", "targets.npy")]
        for path, array in zip(paths, (inputs, targets), strict=True):
            np.save(path, array)
        fitted, said = outcome_of(estimator, paths, what)
    for category, message in said:
        warnings.warn(message, category, stacklevel=2)
    if isinstance(fitted, Exception):
        logger.debug("{}", "".join(getattr(fitted, "__notes__", ())))  # into train.log, where no notes are written
        raise fitted
    return fitted


def outcome_of(estimator: Any, paths: list[Path], what: str) -> tuple[Any, list[tuple[type[Warning], str]]]:
    """Return what a process of its own makes of the samples: the estimator or an error, and warnings.

    Raises:
        Died: the process is gone without a word.
        Stopped: a signal has come; the process has ended.
    """
    pipe, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=fit, args=(estimator, paths, theirs))
    start_without_ctrl_c(process)
    theirs.close()
    started = said = time.monotonic()
    try:
        while not pipe.poll(0.02):
            if time.monotonic() - said > SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                logger.info("{}, for {:.0f} s so far", what, said - started)
        outcome: tuple[Any, list[tuple[type[Warning], str]]] = pipe.recv()
        process.join(SECONDS_TO_CLEAN_UP)  # what the estimator has started itself is ended in order
        return outcome
    except EOFError:
        process.join()
        logger.error("{}: the process that did it is gone", what)
        raise Died(process.exitcode) from None
    finally:
        process.kill()
        process.join()


def fit(estimator: Any, paths: list[Path], pipe: Connection) -> None:
    """Fit the estimator to the samples in files, and send what came of it."""
    for number in SIGNALS:  # they may go to all processes of a group; the one that waits learns of them, and ends this
        signal.signal(number, signal.SIG_IGN)
    when_parent_is_gone(lambda: os._exit(1))
    inputs, targets = (np.load(path, mmap_mode="r", allow_pickle=False) for path in paths)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        try:
            outcome: Any = estimator.fit(inputs, np.array(targets))
        except Exception as error:
            outcome = sendable(error)
    try:
        pipe.send((outcome, [(one.category, str(one.message)) for one in said]))
    except Exception as error:  # nothing of it was sent
        name = type(outcome).__name__
        pipe.send((RuntimeError(f"{name} was fitted, but cannot be pickled, which training needs: {error}"), []))


def sendable(error: Exception) -> Exception:
    """Return an error that another process can read, with the lines where it was raised as a note."""
    lines = "".join(traceback.format_exception(error))
    try:
        ForkingPickler.dumps(copy.copy(error))  # a copy is made in the way that it is read back
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"In the process that fitted:\n{lines}")
    return error
