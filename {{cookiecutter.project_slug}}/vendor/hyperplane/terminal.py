"""What is drawn on a terminal to be drawn over: bars, and the line of a sweep. Several processes write to it.

Whoever has drawn leaves the cursor where the drawing starts, and a log message erases from there on: so those of any
process scroll by above, and what they erased is drawn again below.
"""

import os
import sys

ERASE = "\r\x1b[J"  # this line, and all below


def is_drawn_on() -> bool:
    """Say whether stderr is a terminal that understands `ERASE`; in a file, nothing is drawn."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
