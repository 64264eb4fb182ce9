"""Fitting an estimator of scikit-learn in a process of its own, which can be ended at any moment.

Its threads do not look at signals, and hold the interpreter until they are done, which may take minutes. The process
imports no torch, and reads the samples from files that it does not copy.
"""

import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger
from numpy.typing import NDArray

SECONDS_BETWEEN_LINES = 30.0
MANY = 100_000  # input values: fitting more may take long
SAMPLES, ESTIMATOR, OUTCOME = ("inputs.npy", "targets.npy"), "estimator.pickle", "outcome.pickle"


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
        folder = Path(name)
        for file, array in zip(SAMPLES, (inputs, targets), strict=True):
            np.save(folder / file, array)
        (folder / ESTIMATOR).write_bytes(pickle.dumps(estimator))
        run(folder, what)
        fitted, said = pickle.loads((folder / OUTCOME).read_bytes())  # noqa: S301 - our own process wrote it
    for category, message in said:
        warnings.warn(message, category, stacklevel=2)
    if isinstance(fitted, Exception):
        raise fitted
    return fitted


def run(folder: Path, what: str) -> None:
    """Run `main` in a process of its own, which does not outlive what happens here.

    Raises:
        RuntimeError: it was killed.
        Stopped: a signal has come.
    """
    command = [sys.executable, "-c", f"from {__name__} import main; main()", str(folder)]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    started = said = time.monotonic()
    with subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                time.sleep(0.02)
                if time.monotonic() - said > SECONDS_BETWEEN_LINES:
                    said = time.monotonic()
                    logger.info("{}, for {:.0f} s so far", what, said - started)
        finally:
            process.kill()
    if process.returncode:
        raise RuntimeError(f"{what}: its process ended with status {process.returncode}, as it does without memory")


def main() -> None:
    """Fit the estimator in the folder that the command line names, and leave there what came of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl-C the process that waits learns, and ends this one
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    folder = Path(sys.argv[1])
    estimator = pickle.loads((folder / ESTIMATOR).read_bytes())  # noqa: S301 - so did the one that started this
    inputs, targets = (np.load(folder / file, mmap_mode="r") for file in SAMPLES)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("default")
        try:
            outcome: Any = estimator.fit(inputs, np.array(targets))
        except Exception as error:
            outcome = error
    (folder / OUTCOME).write_bytes(pickle.dumps((outcome, [(one.category, str(one.message)) for one in said])))


def end_with(parent: int) -> None:
    """End this process when the one that started it is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
