"""Rows of a table as numbers, with statistics of the training rows only.

    numbers, booleans     the value; missing (or infinite): the mean of the training rows, and a column `<name> missing`
                          that is 1 there, if values are missing in the training rows
    dates, times          as numbers, in days (since 1970-01-01)
    text, categories      one column for each category of the training rows, 1 where it applies; missing is a category
                          of its own if it occurs there; an unknown category is 0 in all of them

Left out: a column with one value, and text that names the row (more than half of the values are different).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ..mistakes import UserMistake, nearest

if TYPE_CHECKING:
    from polars import DataFrame, Series

MICROSECONDS_PER_DAY = 86_400_000_000
FEW = 20  # that many categories are never taken for names of rows, unless every value is different


@dataclass(frozen=True)
class Column:
    """How one column of the table is encoded."""

    name: str
    categories: list[str | None] | None  # None: a number
    mean: float = 0.0  # of the training rows
    has_indicator: bool = False

    @property
    def outputs(self) -> list[str]:
        """The names of the columns that it becomes."""
        if self.categories is not None:
            return [f"{self.name}={'missing' if value is None else value}" for value in self.categories]
        return [self.name, f"{self.name} missing"] if self.has_indicator else [self.name]


class TableEncoder:
    """Encodes rows in the way that `fit` took from the training rows.

    Args:
        columns: how each column is encoded.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = list(columns)

    @classmethod
    def fit(cls, table: "DataFrame") -> Self:
        """Decide for each column of the training rows how it is encoded, and say which are left out."""
        columns, left_out = [], []
        for series in table:
            reason = why_useless(series)
            if reason:
                left_out.append(f"{series.name or '(no name)'} ({reason})")
            else:
                columns.append(fit_column(series))
        if left_out:
            logger.info("Left out: {}", ", ".join(left_out))
        return cls(columns)

    def state(self) -> list[dict[str, Any]]:
        """Return plain values that `from_state` makes the encoder of again."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_state(cls, state: Sequence[dict[str, Any]]) -> Self:
        """Return the encoder that `state` was taken from."""
        return cls([Column(**column) for column in state])

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the encoded columns."""
        return tuple(name for column in self.columns for name in column.outputs)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which encoded columns are measurements, and not marks of 0 and 1."""
        flags = [column.categories is None and i == 0 for column in self.columns for i in range(len(column.outputs))]
        return np.array(flags, dtype=bool)

    def encode(self, table: "DataFrame", rows: str) -> NDArray[np.float32]:
        """Return rows (samples, features); say once what was unknown or missing.

        Args:
            table: has at least the columns of the training rows, in any order.
            rows: what the rows are, for messages: `the test rows`.

        Raises:
            UserMistake: a column is not there, or holds text where numbers were.
        """
        for column in self.columns:
            if column.name not in table.columns:
                hint = nearest(column.name, table.columns)
                raise UserMistake(f"{rows} have no column {column.name!r}. {hint} They have: {listed(table.columns)}")
        encoded: list[NDArray[np.float32]] = []
        remarks: list[str] = []
        for column in self.columns:
            encode_one = encode_number if column.categories is None else encode_category
            encoded.append(encode_one(column, table[column.name], rows, remarks))
        if remarks:
            logger.warning("In {}: {}", rows, "; ".join(remarks))
        return np.concatenate(encoded, axis=1)


def why_useless(series: "Series") -> str:
    """Say why a column tells nothing about other rows, or return an empty string."""
    if not series.name:
        return "a column without a name: the row numbers of whatever wrote the file"
    values = series.drop_nulls()
    distinct = values.n_unique()
    if series.n_unique() <= 1:
        return "one value in the training rows" if distinct else "no values in the training rows"
    names_rows = distinct == len(values) or (distinct > FEW and distinct > len(values) / 2)
    if is_text(series) and names_rows and len(values) > 1:
        return f"{distinct} different texts in {len(values)} training rows: a name, not a category"
    return ""


def fit_column(series: "Series") -> Column:
    """Return how a column is encoded.

    Raises:
        UserMistake: its values are lists or the like.
    """
    if is_text(series):
        values = as_text(series)
        categories: list[str | None] = [*sorted(values.drop_nulls().unique())]
        return Column(series.name, [*categories, None] if values.has_nulls() else categories)
    numbers = as_numbers(series)
    present = numbers[np.isfinite(numbers)]
    return Column(series.name, None, float(present.mean()) if len(present) else 0.0, len(present) < len(numbers))


def encode_number(column: Column, series: "Series", rows: str, remarks: list[str]) -> NDArray[np.float32]:
    """Return a column (samples, 1), or (samples, 2) with a mark where it is missing."""
    numbers = as_numbers(series, rows)
    missing = ~np.isfinite(numbers)
    if missing.any() and not column.has_indicator:
        remarks.append(f"{missing.sum()} missing in {column.name} became the training mean {column.mean:.4g}")
    filled = np.where(missing, column.mean, numbers)
    both = np.stack([filled, missing] if column.has_indicator else [filled], axis=1)
    return both.astype(np.float32)


def encode_category(column: Column, series: "Series", rows: str, remarks: list[str]) -> NDArray[np.float32]:
    """Return marks (samples, categories)."""
    assert column.categories is not None
    numbers = {value: number for number, value in enumerate(column.categories)}
    values = as_text(series).to_list()
    places = np.array([numbers.get(value, -1) for value in values])
    unknown = places < 0
    if unknown.any():
        examples = listed(sorted({repr(v) if v is not None else "missing" for v in values if v not in numbers}), 3)
        remarks.append(f"{unknown.sum()} of unknown category in {column.name} ({examples}) became 0 in all of them")
    marks = np.zeros((len(values), len(column.categories)), np.float32)
    marks[np.flatnonzero(~unknown), places[~unknown]] = 1
    return marks


def is_text(series: "Series") -> bool:
    """Say whether a column holds text or categories."""
    import polars

    return series.dtype in (polars.String, polars.Categorical, polars.Enum)


def as_text(series: "Series") -> "Series":
    """Return values as text without blanks around it; empty text is missing."""
    import polars

    text = series.cast(polars.String).str.strip_chars()
    return text.set(text == "", None)


def as_numbers(series: "Series", rows: str = "the training rows") -> NDArray[np.float64]:
    """Return values (samples,), NaN where missing: dates and times in days, booleans as 0 and 1.

    Raises:
        UserMistake: a value is no number.
    """
    import polars

    if series.dtype.is_nested() or series.dtype in (polars.Binary, polars.Object):
        raise UserMistake(f"column {series.name!r} holds {series.dtype}: leave it out with data.ignore=[{series.name}]")
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
        raise UserMistake(f"{rows}: column {series.name!r} must hold numbers, but row {row + 1} has {series[row]!r}")
    return numbers.to_numpy()


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return the first names, with commas between them."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
