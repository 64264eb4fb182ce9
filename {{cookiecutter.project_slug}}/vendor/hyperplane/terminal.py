"""What is drawn on a terminal to be drawn over: bars, and the line of a sweep. Several processes write to it.

Whoever has drawn leaves the cursor where the drawing starts, and a log message erases from there on: so those of any
process scroll by above, and what they erased is drawn again below. What a job prints does so too.
"""

import os
import sys
from functools import cache
from io import TextIOWrapper
from shutil import get_terminal_size
from threading import RLock

ERASE = "\r\x1b[J"  # this line, and all below


def is_drawn_on() -> bool:
    """Say whether stderr is a terminal that understands `ERASE`; in a file, nothing is drawn."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


class PrintedAbove(TextIOWrapper):
    """Standard output on a terminal that others draw on: what is printed erases what is drawn.

    A line that is not ended is written by `flush`, and again with what ends it, as it may be drawn over meanwhile.
    """

    def __init__(self, output: TextIOWrapper) -> None:
        output.flush()
        super().__init__(
            output.buffer, output.encoding, output.errors, line_buffering=True, write_through=output.write_through
        )
        self.begun = ""
        self.lock = RLock()

    def write(self, text: str) -> int:
        """Write the lines that end in `text`, and keep the rest."""
        with self.lock:
            lines, end, self.begun = (self.begun + text).rpartition("\n")
            if end:
                super().write(f"{ERASE}{lines}\n")
            if "\r" in self.begun:
                self.flush()
        return len(text)

    def flush(self) -> None:
        """Write what is kept, too: of a line that is written over, the last text."""
        with self.lock:
            if self.begun:
                super().write(ERASE + self.begun)
                line = self.begun.rpartition("\r")[2]
                columns = get_terminal_size().columns
                self.begun = line[(len(line) - 1) // columns * columns :] if line else ""  # in its last row
        super().flush()


above = cache(PrintedAbove)  # kept for good: one that nobody holds would close what it writes to


def print_above() -> None:
    """Let what this process prints on a terminal erase what is drawn there; output elsewhere stays as it is."""
    if is_drawn_on() and isinstance(sys.stdout, TextIOWrapper) and sys.stdout.isatty():
        sys.stdout = sys.stdout if isinstance(sys.stdout, PrintedAbove) else above(sys.stdout)
