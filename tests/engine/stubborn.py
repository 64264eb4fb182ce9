"""Estimators that a test fits in a process of its own; it imports this file, so nothing that takes long is imported."""

import os
import signal
import time
import warnings
from pathlib import Path


class Endless:
    """Never comes back, and looks at no signal."""

    def fit(self, inputs, targets):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM])
        Path(os.environ["STARTED"]).write_text(str(os.getpid()))
        time.sleep(1000)


class Refusing:
    """Warns, and then refuses."""

    def fit(self, inputs, targets):
        warnings.warn("these inputs look odd", UserWarning, stacklevel=1)
        raise ValueError("they are odd")
