"""A multirun tells in one line of its terminal how it stands: done, running, failed, time left, best so far."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from ..terminal import ERASE, is_drawn_on

if TYPE_CHECKING:
    from .watching import Standing

SECONDS_BETWEEN_DRAWINGS = 0.5
SECONDS_BETWEEN_LOOKS = 2.0
SHARE = 50  # of its time a look takes one part in so many: 10,000 runs take a second to read


@contextmanager
def status_line(folder: Path) -> Iterator[None]:
    """Keep the line below all messages inside, on a terminal; elsewhere do nothing."""
    if not is_drawn_on():
        yield
        return
    is_over = threading.Event()
    drawing = threading.Thread(target=draw, args=(folder, is_over), daemon=True)
    drawing.start()
    try:
        yield
    finally:
        is_over.set()
        drawing.join()


def draw(folder: Path, is_over: threading.Event) -> None:
    """Draw the line until it is over, and take it away."""
    from .watching import standing  # here, as only a terminal needs it

    text, next_look = "", 0.0
    while not is_over.wait(SECONDS_BETWEEN_DRAWINGS):
        begun = time.monotonic()
        if begun >= next_look:
            try:
                text = in_a_line(standing(folder))
            except Exception:  # of a file that is half written, or gone: the sweep goes on, and so does the line
                logger.opt(exception=True).debug("The line of the sweep stays as it was.")
            next_look = begun + max(SECONDS_BETWEEN_LOOKS, SHARE * (time.monotonic() - begun))
        if text:
            write(f"\r{text[: columns() - 1]}\x1b[K\r")
    write(ERASE)


def in_a_line(now: "Standing") -> str:
    """Return how a multirun stands, what matters most first: a narrow terminal shows the start."""
    from .watching import told

    epochs = epochs_of([metrics["epoch"] for _, metrics in now.running if "epoch" in metrics])
    return "; ".join(filter(None, [told(now), now.best_in_short, epochs])) if now.counts else ""


def epochs_of(epochs: list[float]) -> str:
    """Return how far jobs are that run side by side: one alone has a bar that says so."""
    if len(epochs) < 2:
        return ""
    first, last = min(epochs) + 1, max(epochs) + 1
    return f"epoch {first:.0f}" if first == last else f"epochs {first:.0f} to {last:.0f}"


def columns() -> int:
    """Return the width of the terminal."""
    with suppress(OSError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    return 80


def write(text: str) -> None:
    """Write at once, so that other processes write before it or after it."""
    with suppress(OSError):
        os.write(sys.stderr.fileno(), text.encode(sys.stderr.encoding, "replace"))
