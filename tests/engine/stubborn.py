"""Estimators that a test fits in a process of its own; it imports this file, so nothing that takes long is imported."""

import atexit
import os
import time
import warnings
from pathlib import Path


class Endless:
    """Never comes back."""

    def fit(self, inputs, targets):
        Path(os.environ["STARTED"]).write_text(str(os.getpid()))
        time.sleep(1000)


class Refusing:
    """Warns, and then refuses."""

    def fit(self, inputs, targets):
        warnings.warn("these inputs look odd", UserWarning, stacklevel=1)
        raise ValueError("they are odd")


class Odd(Exception):
    """Cannot be read back by another process."""

    def __init__(self, first, second):
        super().__init__(f"{first} and {second}")


class Particular:
    """Refuses with an error of its own."""

    def fit(self, inputs, targets):
        raise Odd(1, 2)


class Closed:
    """Holds, once it is fitted, what no other process can read."""

    def fit(self, inputs, targets):
        self.inside = lambda: None
        return self


class Vanishing:
    """Ends its process without a word."""

    def fit(self, inputs, targets):
        os._exit(3)


class Tidy:
    """Cleans up when its process ends in order."""

    def fit(self, inputs, targets):
        atexit.register(Path(os.environ["TIDIED"]).touch)
        return self
