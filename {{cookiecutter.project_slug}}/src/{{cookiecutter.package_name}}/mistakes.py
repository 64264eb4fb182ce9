"""A user's mistake: one message that says what was wrong, where, and what to do. Exit status 2, no traceback."""

import difflib
import sys
from collections.abc import Iterable
from typing import NoReturn


class UserMistake(Exception):
    """Something the user can put right: an unknown option, a value out of range, a missing file."""


class SweepFailed(Exception):
    """Some jobs of a multirun did not complete; the message names them."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean …?` with the known name most like `name`, or an empty string if none is alike."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"Did you mean {matches[0]}?" if matches else ""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def refuse(message: str) -> NoReturn:
    """Print `message` on stderr and exit with status 2."""
    sys.stderr.write(message.rstrip() + "\n")
    sys.exit(2)
