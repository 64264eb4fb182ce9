"""The values of a column as numbers or text."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...errors import UserError, override

if TYPE_CHECKING:
    from polars import Series

MICROSECONDS_PER_DAY = 86_400_000_000


def is_text(series: "Series") -> bool:
    """Say whether a column holds text or categories."""
    import polars

    return series.dtype in (polars.String, polars.Categorical, polars.Enum)


def as_text(series: "Series") -> "Series":
    """Return values as text without blanks around it; empty text is missing, and 3.0 is the same as 3.

    Raises:
        UserError: they are lists or the like.
    """
    import polars

    refuse_nested(series)
    text = series.cast(polars.String).str.strip_chars()
    if series.dtype.is_float():
        text = text.set(series.is_nan(), None).str.strip_suffix(".0")
    return text.set(text == "", None)


def as_numbers(series: "Series", rows: str = "the training rows") -> NDArray[np.float64]:
    """Return values (samples,), NaN where missing: dates and times in days, booleans as 0 and 1.

    Raises:
        UserError: a value is no number.
    """
    import polars

    refuse_nested(series)
    if series.dtype.is_temporal():
        if series.dtype == polars.Date:
            series = series.cast(polars.Datetime("us"))
        elif series.dtype == polars.Time:
            series = series.cast(polars.Duration("us"))
        unit = polars.Duration("us") if series.dtype == polars.Duration else polars.Datetime("us")
        return series.cast(unit).cast(polars.Int64).cast(polars.Float64).to_numpy() / MICROSECONDS_PER_DAY
    numbers = series.cast(polars.Float64, strict=False)
    wrong = (numbers.is_null() & series.is_not_null()).arg_true()
    if len(wrong):
        row = wrong[0]
        raise UserError(f"{rows}: column {series.name!r} must hold numbers, but row {row + 1} has {series[row]!r}")
    return numbers.to_numpy()


def refuse_nested(series: "Series") -> None:
    """Refuse a column of lists or the like."""
    import polars

    if series.dtype.is_nested() or series.dtype in (polars.Binary, polars.Object):
        leave_out = override("data.ignore", series.name)
        raise UserError(f"column {series.name!r} holds {series.dtype}: leave it out with {leave_out}")


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return the first names, with commas between them."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
