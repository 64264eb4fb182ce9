"""Signals in .ts files; `files.py` says how they are written."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import UserError, first_line, with_nearest
from ..columns.values import listed
from ..lazy_polars import pl
from .arrays import Numbers, Roles, SignalArrays, finite, numbered

TIMED = re.compile(r"\([^()]*,\s*([^(),]*)\)")  # a value of a .ts file with its time, which only orders it


def from_ts(path: Path, roles: Roles, key: str) -> SignalArrays:
    """Return the signals of a .ts file; the label is the only other column.

    Raises:
        UserError: a line is not what the format says.
    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeError) as error:
        raise UserError(f"{key}={path} cannot be read: {first_line(error)}") from None
    start = next((i for i, line in enumerate(lines) if line.lower() == "@data"), None)
    if start is None:
        raise UserError(f"{key}={path} has no line @data, which a .ts file has before its signals")
    header = {}
    for line in lines[:start]:
        name, *words = (line[1:] if line.startswith("@") else "").split() or [""]
        header[name.lower()] = words
    if "true" in map(str.lower, header.get("timestamps", ())):
        lines = [TIMED.sub(r"\1", line) for line in lines]
    rows = [(i + 1, line.split(":")) for i, line in enumerate(lines) if i > start and line and line[0] not in "#%"]
    stated = [header[name] for name in ("classlabel", "targetlabel") if name in header]
    has_labels = any(is_true(words) for words in stated)
    if not stated and rows:  # the last field of a line is its label if it is no list, as the others are
        has_labels = len(rows[0][1]) > 1 and "," not in rows[0][1][-1]
    labels = [fields.pop().strip() for _, fields in rows] if has_labels else []
    sizes = [len(fields) for _, fields in rows]
    for (number, _), size in zip(rows, sizes, strict=True):
        if size != sizes[0] or not size:
            raise UserError(f"{key}={path}: line {number} has {size} channels, the first one {sizes[0]}")
    signals = [[numbers_of(field, path, number, key) for field in fields] for number, fields in rows]
    longest = max((len(values) for signal in signals for values in signal), default=0)
    padded = np.full((len(signals), longest, sizes[0] if sizes else 0), np.nan)
    for i, signal in enumerate(signals):
        for channel, values in enumerate(signal):
            padded[i, : len(values), channel] = values
    column = pl.Series([None if label in ("", "?") else label for label in labels], dtype=pl.String)
    if is_true(header.get("targetlabel", [])):
        told, column = column, column.cast(pl.Float64, strict=False)
        for i in (told.is_not_null() & column.is_null()).arg_true():
            raise UserError(f"{key}={path}: line {rows[i][0]} ends in {told[i]!r}, and @targetlabel promises a number")
    require_classes(labels, [number for number, _ in rows], header.get("classlabel", [])[1:], f"{key}={path}")
    name = roles.others[0] if roles.others else "label"
    return SignalArrays(
        finite(padded), numbered(padded.shape[2]), pl.DataFrame({name: column} if has_labels else {}), {}
    )


def is_true(words: Sequence[str]) -> bool:
    """Return whether what the header says behind a name begins with true."""
    return bool(words) and words[0].lower() == "true"


def require_classes(labels: Sequence[str], lines: Sequence[int], classes: Sequence[str], where: str) -> None:
    """Refuse a label that the header does not name, if it names some."""
    known = {*classes, "", "?"}
    for label, line in zip(labels, lines, strict=False):  # a file may have no labels
        if classes and label not in known:
            says = f"{where}: line {line} ends in the class {label!r}, which is not in @classLabel: {listed(classes)}."
            raise UserError(with_nearest(says, label, classes))


def numbers_of(field: str, path: Path, line: int, key: str) -> Numbers:
    """Return the values of a channel in a .ts file (positions,), NaN where they are missing.

    Raises:
        UserError: one is no number.
    """
    texts = field.split(",")
    try:
        if "?" in field or "" in map(str.strip, texts):
            texts = ["nan" if text.strip() in ("", "?") else text for text in texts]
        return np.array(texts, dtype=np.float64)
    except ValueError as error:
        raise UserError(f"{key}={path}: line {line} holds something other than numbers: {first_line(error)}") from None
