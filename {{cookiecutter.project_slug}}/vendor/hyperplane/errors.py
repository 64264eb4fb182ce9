"""A user's mistake: one message that says what was wrong, where, and what to do. Exit status 2, no traceback."""

import difflib
import json
import re
import shlex
import sys
from collections.abc import Iterable
from typing import Any, NoReturn

# What pydantic says, in the words of the command line.
WORDS = {
    "^Value error, ": "",
    "^Input should be None": "must be null",
    "^Input should be ": "must be ",
    r"^(?:Tuple|List) should have at least (\d+) item.*": r"must have at least \1",
    ", (unable to|got a number with) .*": "",
    "a valid dictionary or instance of .*": "a group of settings",
    "a valid dictionary$": "a group of settings, such as {name: 1}",
    "a valid (tuple|list)$": "a list, such as [1,2]",
    "a valid boolean": "true or false",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "a word",
    r"^String should match pattern '\^\(\\w.*": "may hold letters, digits and . + = @ - _",
    r"^String should match pattern '\^\\d.*": "must be DD:HH:MM:SS (days, hours, minutes, seconds)",
    "^String should match pattern ": "must match ",
}


class UserError(Exception):
    """Something the user can put right: an unknown option, a value out of range, a missing file."""


class SweepFailed(Exception):
    """Some jobs of a multirun did not complete; the message names them."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean …?` with the known name most like `name`, or an empty string if none is alike."""
    names = {word.lower(): word for word in known}
    matches = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f"Did you mean {names[matches[0]]}?" if matches else ""


def with_nearest(sentence: str, name: str, known: Iterable[str]) -> str:
    """Return a sentence that says that `name` is wrong, with `Did you mean …?` behind it if a known one is alike."""
    return f"{sentence} {nearest(name, known)}".rstrip()


def similar(key: str, known: Iterable[str]) -> str:
    """Return `Did you mean …?` with the most similar of the names in the key's section."""
    section, dot, name = key.rpartition(".")
    return nearest(name, known).replace("mean ", f"mean {section}{dot}", 1)


def as_typed(value: Any) -> str:
    """Return a value as it is typed: null, true, [1, 2], {a: 1}."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {as_typed(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(as_typed, value))}]"
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def quoted(text: str) -> str:
    """Return a text in quotes of Hydra, in which every character stands for itself."""
    return '"' + re.sub(r'(\\*)("|\$\{|$)', lambda at: at[1] * 2 + ("\\" + at[2] if at[2] else ""), text) + '"'


def override(key: str, *values: str) -> str:
    """Return a setting that is a list of texts as bash and zsh take it: 'data.ignore=["size (cm)"]'."""
    plain = re.compile(r"(?!(null|true|false|inf|nan)$)[a-z_][\w-]*", re.ASCII | re.IGNORECASE)
    items = ",".join(value if plain.fullmatch(value) else quoted(value) for value in values)
    return shlex.quote(f"{key}=[{items}]")


def in_words(message: str) -> str:
    """Say in the words of the command line what pydantic or OmegaConf says."""
    for pattern, words in WORDS.items():
        message = re.sub(pattern, words, message)
    return message


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message, or the name of its class if it says nothing."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def refuse(message: str) -> NoReturn:
    """Print `message` on stderr and exit with status 2."""
    sys.stderr.write(message.rstrip() + "\n")
    sys.exit(2)
