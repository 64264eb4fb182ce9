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

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError, first_line
from ..columns.values import listed
from ..files.access import ENDINGS, existing
from ..files.readings import Reading
from ..lazy_polars import pl
from .arrays import Roles, SignalArrays, finite, numbered
from .tables import from_table
from .ts_files import from_ts

OWN_ENDINGS = (".npz", ".ts")
ALL_ENDINGS = (*OWN_ENDINGS, *ENDINGS)


def read_signals(path: Path, roles: Roles, key: str, readings: Mapping[str, Reading] | None = None) -> SignalArrays:
    """Return the signals of a file, without positions that are beyond the end of all of them.

    `readings` say how the columns of a CSV file are read; None: as they ask for.

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
    values, arrays, others = read_archive(path, roles, key)
    if values.ndim not in (2, 3) or values.dtype.kind not in "biuf":
        raise UserError(
            f"{key}={path}: X must be numbers (samples, positions, channels) or (samples, positions), and is "
            f"{values.dtype} {values.shape}"
        )
    columns: dict[str, Any] = {}
    for name, array in arrays.items():
        columns |= columns_of(name, array, len(values), f"{key}={path}")
    numbers = values.astype(np.float64).reshape(*values.shape[:2], -1)
    _, positions, channels = numbers.shape
    if channels > positions:
        logger.warning(
            "{}: X has {} channels of {} positions each. If it is the other way round, swap its axes: samples, "
            "positions, channels",
            path,
            channels,
            positions,
        )
    columns |= {name: pl.Series([None] * len(values)) for name in others}  # nobody asks for them: see their names
    return SignalArrays(finite(numbers), numbered(channels), pl.DataFrame(columns), {})


def read_archive(path: Path, roles: Roles, key: str) -> tuple[NDArray[Any], dict[str, NDArray[Any]], list[str]]:
    """Return X, the other arrays that are asked for, and the names of those that are not."""
    if not zipfile.is_zipfile(path):
        raise UserError(f"{key}={path} is not a NumPy archive: np.savez(path, X=X, y=y) writes one")
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = list(archive.files)
            stem = next((name for name in names if name.lower() == "x"), None)
            if stem is None:
                raise UserError(f"{key}={path} has no array X (samples, positions, channels); it has: {listed(names)}")
            wanted = sorted({*names} & {roles.series, *roles.others} - {stem})
            arrays = {name: archive[name] for name in wanted}
            return archive[stem], arrays, [name for name in names if name not in {stem, *wanted}]
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        reason = first_line(error)
        if "pickle" in reason:
            reason = "it holds Python objects. Pad signals of unequal lengths with NaN, and write texts as np.str_"
        raise UserError(f"{key}={path} cannot be read: {reason}") from None


def columns_of(name: str, array: NDArray[Any], samples: int, where: str) -> dict[str, NDArray[Any]]:
    """Return an array (samples,) or (samples, K) as columns, which are numbered if they are several.

    Raises:
        UserError: it is of another shape, or holds bytes that are no text.
    """
    if array.ndim not in (1, 2) or len(array) != samples:
        raise UserError(f"{where}: {name} has the shape {array.shape}, and X has {samples} samples")
    try:
        texts = np.char.decode(array, "utf-8") if array.dtype.kind == "S" else array
    except UnicodeDecodeError as error:
        raise UserError(f"{where}: {name} holds bytes that are no UTF-8 ({error}): write texts as np.str_") from None
    columns = texts.reshape(len(texts), -1).T
    is_single = array.ndim == 1 or len(columns) == 1
    return {name if is_single else f"{name}{number}": column for number, column in enumerate(columns, 1)}
