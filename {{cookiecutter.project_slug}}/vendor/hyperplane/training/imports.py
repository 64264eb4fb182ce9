"""Imports torch and Lightning in half of the time that they take by themselves. Imports none of them itself.

Seconds of the processor for a run of one step, lowest of five, in turn: 2.5 with both of what follows, 2.9 without the
stand-in, 4.2 without the rest of the garbage collector, 5.1 without either.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Timer
from types import ModuleType
from typing import Any

from loguru import logger

MOMENT = 2.0  # seconds
UNUSED = "scipy.signal"
_is_done = False


class Postponed(ModuleType):
    """Stands for `scipy.signal` until someone asks it for more than torchmetrics does.

    torchmetrics imports it, and a tenth of all modules with it, to see whether it has a `hamming`.
    """

    hamming = None

    def __getattr__(self, name: str) -> Any:
        """Make way for the real one; not for `inspect`, which asks every module for its `__file__`."""
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        sys.modules.pop(UNUSED, None)
        return getattr(import_module(UNUSED), name)


@contextmanager
def announced(shows: bool) -> Iterator[None]:
    """Say on a terminal why nothing happens, if what is inside takes more than a moment.

    It `shows` the sentence if this process speaks for the run, and no other job is beside it.
    """
    sentence = "Importing torch and Lightning ... The first time takes longest: Python compiles them."
    if not shows or not sys.stderr.isatty():
        yield
        return
    timer = Timer(MOMENT, logger.info, [sentence])
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import inside what a run needs. Only the first run of a process has anything to import.

    The garbage collector rests: it would look again and again through what has just been imported, half a million
    objects that all stay. Frozen, they cost the collections during the training nothing either.
    """
    global _is_done
    if _is_done:
        yield
        return
    _is_done = True
    postponed = Postponed(UNUSED)
    sys.modules.setdefault(UNUSED, postponed)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        if sys.modules.get(UNUSED) is postponed:
            del sys.modules[UNUSED]
