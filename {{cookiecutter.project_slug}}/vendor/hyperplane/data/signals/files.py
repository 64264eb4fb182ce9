"""Signals in files: NumPy archives, the .ts files of the UCR/UEA archive, and long tables.

.npz                   X (samples, positions, channels) or (samples, positions), and other arrays by their names: y
                       (samples,) or (samples, K)
.ts                    a line for each signal: channels between colons, values between commas, ? where one is missing,
                       the label last; times in front of values only order them. Source: Bagnall et al. 2018,
                       https://arxiv.org/abs/1811.00075
.csv .tsv .parquet     a row for each position of a signal: columns that name the signal and the position, one for each
                       channel, and those that are the same in all rows of a signal

A signal ends with the last position that has a value in any channel; what is missing before that is missing.
"""

import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from loguru import logger

from ...errors import UserError, first_line
from ..columns.values import listed
from ..files.access import ENDINGS, existing
from ..files.readings import Reading
from .arrays import Numbers, Roles, SignalArrays, finite, numbered
from .tables import from_table

OWN_ENDINGS = (".npz", ".ts")
TIMED = re.compile(r"\([^()]*,\s*([^(),]*)\)")  # a value of a .ts file with its time, which only orders it
ALL_ENDINGS = (*OWN_ENDINGS, *ENDINGS)


def read_signals(path: Path, roles: Roles, key: str, readings: Mapping[str, Reading] | None = None) -> SignalArrays:
    """Return the signals of a file, without positions that are beyond the end of all of them.

    Args:
        path: of the file.
        roles: of its columns or arrays.
        key: the setting that named the file, for messages.
        readings: how the columns of a CSV file are read; None: as they ask for.

    Raises:
        UserError: there is no such file, or it does not hold signals.
    """
    path = existing(path, key, ALL_ENDINGS)
    ending = path.suffix.lower()
    signals = (
        from_archive(path, roles, key)
        if ending == ".npz"
        else from_ts(path, roles, key)
        if ending == ".ts"
        else from_table(path, roles, key, readings)
    )
    if not signals.values.size:
        raise UserError(f"{key}={path} holds no signals")
    lengths = signals.lengths
    if not lengths.all():
        raise UserError(f"{key}={path}: signal {int(lengths.argmin()) + 1} has no value at all: leave it out")
    if lengths.max() == 1:
        channels = signals.values.shape[2]
        raise UserError(
            f"{key}={path}: each signal has 1 position of {channels} channels, so nothing has neighbours. The axes of "
            "X are samples, positions, channels; rows of features are data=table"
        )
    return signals._replace(values=signals.values[:, : lengths.max()])


def from_archive(path: Path, roles: Roles, key: str) -> SignalArrays:
    """Return the signals of an .npz file.

    Raises:
        UserError: it cannot be read, or X is not there or of another shape.
    """
    import polars

    if not zipfile.is_zipfile(path):
        raise UserError(f"{key}={path} is not a NumPy archive: np.savez(path, X=X, y=y) writes one")
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = list(archive.files)
            stem = next((name for name in names if name.lower() == "x"), None)
            if stem is None:
                raise UserError(f"{key}={path} has no array X (samples, positions, channels); it has: {listed(names)}")
            wanted = {name for name in (stem, roles.series, *roles.others) if name in names}
            arrays = {name: archive[name] for name in sorted(wanted)}
            others = [name for name in names if name not in wanted]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        reason = first_line(error)
        if "pickle" in reason:
            reason = "it holds Python objects. Pad signals of unequal lengths with NaN, and write texts as np.str_"
        raise UserError(f"{key}={path} cannot be read: {reason}") from None
    values = arrays.pop(stem)
    if values.ndim not in (2, 3) or values.dtype.kind not in "biuf":
        raise UserError(
            f"{key}={path}: X must be numbers (samples, positions, channels) or (samples, positions), and is "
            f"{values.dtype} {values.shape}"
        )
    columns = {}
    for name, array in arrays.items():
        if array.ndim not in (1, 2) or len(array) != len(values):
            raise UserError(f"{key}={path}: {name} has the shape {array.shape}, and X has {len(values)} samples")
        try:
            texts = np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
        except UnicodeDecodeError as error:
            raise UserError(
                f"{key}={path}: {name} holds bytes that are no UTF-8 ({error}): write texts as np.str_"
            ) from None
        for number, column in enumerate(texts.reshape(len(texts), -1).T, 1):
            columns[name if array.ndim == 1 or array.shape[1] == 1 else f"{name}{number}"] = column
    numbers = values.astype(np.float64).reshape(*values.shape[:2], -1)
    if numbers.shape[2] > numbers.shape[1]:
        logger.warning(
            "{}: X has {} channels of {} positions each. If it is the other way round, swap its axes: samples, "
            "positions, channels",
            path,
            numbers.shape[2],
            numbers.shape[1],
        )
    columns |= {name: polars.Series([None] * len(values)) for name in others}  # nobody asks for them: see their names
    return SignalArrays(finite(numbers), numbered(numbers.shape[2]), polars.DataFrame(columns), {})


def from_ts(path: Path, roles: Roles, key: str) -> SignalArrays:
    """Return the signals of a .ts file; the label is the only other column.

    Raises:
        UserError: a line is not what the format says.
    """
    import polars

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
    column = polars.Series([None if label in ("", "?") else label for label in labels], dtype=polars.String)
    if is_true(header.get("targetlabel", [])):
        told, column = column, column.cast(polars.Float64, strict=False)
        for i in (told.is_not_null() & column.is_null()).arg_true():
            raise UserError(f"{key}={path}: line {rows[i][0]} ends in {told[i]!r}, and @targetlabel promises a number")
    name = roles.others[0] if roles.others else "label"
    return SignalArrays(
        finite(padded), numbered(padded.shape[2]), polars.DataFrame({name: column} if has_labels else {}), {}
    )


def is_true(words: Sequence[str]) -> bool:
    """Return whether what the header says behind a name begins with true."""
    return bool(words) and words[0].lower() == "true"


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
