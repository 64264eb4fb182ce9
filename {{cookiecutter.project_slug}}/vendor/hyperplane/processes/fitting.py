"""Fitting an estimator of scikit-learn in a process of its own, which can be ended at any moment.

Its threads do not look at signals, and hold the interpreter until they are done, which may take minutes. The process
imports no torch, and reads the samples from files that it does not copy.
"""

import os
import signal
import tempfile
import threading
import time
import warnings
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger
from numpy.typing import NDArray

SECONDS_BETWEEN_LINES = 30.0
MANY = 100_000  # input values: fitting more may take long
CONTEXT = get_context("spawn")  # a new interpreter, not a copy of this one with all of torch


def fitted(estimator: Any, inputs: NDArray[Any], targets: NDArray[Any]) -> Any:
    """Return the fitted estimator: in this process if the inputs are few, as starting another takes a second.

    Raises:
        Exception: see `fit_apart`.
    """
    return estimator.fit(inputs, targets) if inputs.size <= MANY else fit_apart(estimator, inputs, targets)


def fit_apart(estimator: Any, inputs: NDArray[Any], targets: NDArray[Any]) -> Any:
    """Return the fitted estimator; a line now and then says how long it has been at it.

    Args:
        estimator: with a method `fit`.
        inputs: what it is fitted to (samples, features).
        targets: (samples,) or (samples, K).

    Raises:
        Exception: whatever `fit` raised.
        RuntimeError: the process was killed.
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
        raise fitted
    return fitted


def outcome_of(estimator: Any, paths: list[Path], what: str) -> tuple[Any, list[tuple[type[Warning], str]]]:
    """Return what a process of its own makes of the samples: the estimator or an error, and warnings.

    Raises:
        RuntimeError: the process was killed.
        Stopped: a signal has come; the process has ended.
    """
    pipe, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=fit, args=(estimator, paths, theirs, os.getpid()))
    process.start()
    theirs.close()
    started = said = time.monotonic()
    try:
        while not pipe.poll(0.02):
            if time.monotonic() - said > SECONDS_BETWEEN_LINES:
                said = time.monotonic()
                logger.info("{}, for {:.0f} s so far", what, said - started)
        outcome: tuple[Any, list[tuple[type[Warning], str]]] = pipe.recv()
        return outcome
    except EOFError:
        process.join()
        raise RuntimeError(
            f"{what}: its process ended with status {process.exitcode}, as it does without memory"
        ) from None
    finally:
        process.kill()
        process.join()


def fit(estimator: Any, paths: list[Path], pipe: Connection, parent: int) -> None:
    """Fit the estimator to the samples in files, and send what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl-C the process that waits learns, and ends this one
    threading.Thread(target=end_with, args=[parent], daemon=True).start()
    inputs, targets = (np.load(path, mmap_mode="r", allow_pickle=False) for path in paths)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        try:
            outcome: Any = estimator.fit(inputs, np.array(targets))
        except Exception as error:
            outcome = error
    pipe.send((outcome, [(one.category, str(one.message)) for one in said]))


def end_with(parent: int) -> None:
    """End this process when the one that started it is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
