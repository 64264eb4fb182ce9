"""The values of a column as numbers or text."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import UserError, override
from ..files.readings import Reading
from ..lazy_polars import pl

MICROSECONDS_PER_DAY = 86_400_000_000


def is_text(series: "pl.Series") -> bool:
    return series.dtype in (pl.String, pl.Categorical, pl.Enum)


def as_text(series: "pl.Series") -> "pl.Series":
    """Return values as text without blanks around it; empty text is missing, and 3.0 is the same as 3."""
    refuse_nested(series)
    text = series.cast(pl.String).str.strip_chars()
    if series.dtype.is_float():
        text = text.set(series.is_nan(), None).str.strip_suffix(".0")
    return text.set(text == "", None)


def as_numbers(
    series: "pl.Series", rows: str = "the training rows", reading: Reading | None = None
) -> NDArray[np.float64]:
    """Return values (samples,), NaN where missing: dates and times in days, booleans as 0 and 1.

    Raises:
        UserError: a value is no number, or of another kind than in training, which `reading` says.
    """
    refuse_nested(series)
    if reading is not None:  # a Parquet file has types of its own
        is_other = series.dtype.is_numeric() if reading.is_moment else reading.kind in ("number", "boolean")
        if is_other and (reading.is_moment or series.dtype.is_temporal()):
            raise UserError(
                f"{rows}: column {series.name!r} must hold {reading}, as in training; it holds {series.dtype}"
            )
    if series.dtype.is_temporal():
        return microseconds(series).cast(pl.Float64).to_numpy() / MICROSECONDS_PER_DAY
    numbers = series.cast(pl.Float64, strict=False)
    if numbers.null_count() > series.null_count():
        row = int((numbers.is_null() & series.is_not_null()).arg_true()[0])
        raise UserError(f"{rows}: column {series.name!r} must hold numbers, but row {row + 1} has {series[row]!r}")
    return numbers.to_numpy()


def microseconds(series: "pl.Series") -> "pl.Series":
    """Return dates and times in microseconds since 1970, UTC; times of the day since midnight."""
    if series.dtype == pl.Time:
        series = series.cast(pl.Duration("us"))
    unit = pl.Duration("us") if series.dtype == pl.Duration else pl.Datetime("us")
    return series.cast(unit).cast(pl.Int64)


def refuse_nested(series: "pl.Series") -> None:
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        leave_out = override("data.ignore", series.name)
        raise UserError(f"column {series.name!r} holds {series.dtype}: leave it out with {leave_out}")


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return the first names, with commas between them."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
