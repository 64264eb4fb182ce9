"""Values that are spelled in several ways: 1e-2, 0.01 and 0.010 are one value, and so are false and False.

Settings are compared by value and shown in the shortest spelling that somebody typed. They are read as Hydra reads
them, without Hydra, which takes longer to import than `runs list` may take.
"""

import math
import re
from collections.abc import Iterable
from functools import cache

# A quoted text, a mark between the items of a list or mapping, or what stands between marks.
TOKEN = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[\[\]{},:]|[^\[\]{},:'"]+|.""")
NUMBER = re.compile(r"[+-]?(inf|nan|(?!0[0-9])[0-9.][0-9._]*(e[+-]?[0-9_]+)?)", re.IGNORECASE)  # 007 is a word
WORDS = {"true": True, "false": False, "null": None}

Value = tuple[tuple[str, object], ...]  # the kind of each token, and what it stands for


@cache  # a thousand runs of a sweep share their values
def value_of(text: str) -> Value:
    """What `text` stands for: equal for two spellings of one value, and hashable."""
    return tuple(scalar(token) for found in TOKEN.findall(text) if (token := found.strip())) or (("text", ""),)


def scalar(token: str) -> tuple[str, object]:
    """The kind and the value of a number, a word or a mark."""
    if token.lower() in WORDS:
        return "word", WORDS[token.lower()]
    if NUMBER.fullmatch(token):
        try:
            return "number", whole_or_real(token)
        except ValueError:  # such as 1.2.3
            return "text", token
    is_quoted = len(token) > 1 and token[0] == token[-1] and token[0] in "'\""
    return "text", token[1:-1] if is_quoted else token


def whole_or_real(token: str) -> int | float | str:
    """A number; as text where it equals nothing, itself included."""
    try:
        return int(token)  # exact, however large
    except ValueError:
        number = float(token)
        return number if number == number else "nan"


def find_spelling(text: str, known: Iterable[str]) -> str:
    """The one of `known` that is the same value as `text`, or else `text`."""
    return next((spelling for spelling in known if value_of(spelling) == value_of(text)), text)


def unify(settings_of_runs: Iterable[dict[str, str]]) -> None:
    """Spell equal values of a setting equally in the settings of all runs: as it is shortest."""
    shortest: dict[tuple[str, Value], str] = {}
    all_settings = list(settings_of_runs)
    pairs = {pair for settings in all_settings for pair in settings.items()}
    for key, text in pairs:
        place = key, value_of(text)
        shortest[place] = min(shortest.get(place, text), text, key=lambda text: (len(text), text.swapcase()))
    others = {(key, text): spelling for key, text in pairs if (spelling := shortest[key, value_of(text)]) != text}
    for settings in all_settings if others else ():
        settings.update({pair[0]: others[pair] for pair in settings.items() if pair in others})


def numbers_first(value: str) -> list[tuple[bool, float, str]]:
    """A sort key under which 0.01 < 0.1 < 10 < [50] < [50,50] < [100,100] < adam."""
    number = as_number(value)
    if number is not None:
        return [(False, number, "")]
    parts = re.findall(r"\d+|\D+", value.strip("[]"))
    return [(True, 0.0, ""), *((not part.isdecimal(), float(as_number(part) or 0), part) for part in parts)]


def as_number(text: str) -> float | None:
    """The finite number that `text` is, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
