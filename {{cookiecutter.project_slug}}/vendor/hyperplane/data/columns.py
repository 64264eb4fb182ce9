"""The columns of a table: what the training rows say about each, and its values as numbers or text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError
from .readings import PLAIN, TEXT, Reading

if TYPE_CHECKING:
    from polars import Series

MICROSECONDS_PER_DAY = 86_400_000_000
FEW = 20  # that many categories are never taken for names of rows, unless every value is different
MANY = 10_000  # more categories would make rows of several 10 kB


@dataclass(frozen=True)
class Column:
    """How one column of the table is encoded."""

    name: str
    categories: list[str | None] | None  # None: a number
    mean: float = 0.0  # of the training rows
    has_indicator: bool = False
    reading: Reading = PLAIN  # of a CSV file

    @property
    def outputs(self) -> list[str]:
        """The names of the columns that it becomes."""
        if self.categories is not None:
            return [f"{self.name}={'missing' if value is None else value}" for value in self.categories]
        return [self.name, f"{self.name} missing"] if self.has_indicator else [self.name]


class ColumnStatistics:
    """What the training rows say about a column, taken in chunk by chunk."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_text = False
        self.rows = 0
        self.present = 0  # rows with a value
        self.texts: set[str] = set()
        self.total = 0.0  # of the numbers
        self.lowest, self.highest = np.inf, -np.inf

    def add(self, series: "Series") -> None:
        """Take in the values of more rows.

        Raises:
            UserError: they are lists or the like.
        """
        self.rows += len(series)
        if is_text(series):
            self.is_text = True
            texts = as_text(series).drop_nulls()
            self.present += len(texts)
            if len(self.texts) <= MANY:
                self.texts.update(texts.unique())
            return
        numbers = as_numbers(series)
        numbers = numbers[np.isfinite(numbers)]
        if len(numbers):
            self.present += len(numbers)
            self.total += float(numbers.sum())
            self.lowest, self.highest = min(self.lowest, numbers.min()), max(self.highest, numbers.max())

    def why_useless(self) -> str:
        """Say why the column tells nothing about other rows, or return an empty string."""
        if not self.name:
            return "a column without a name: the row numbers of whatever wrote the file"
        if not self.present:
            return "no values in the training rows"
        different = len(self.texts)
        if self.present == self.rows and (different == 1 or self.lowest == self.highest):
            return "one value in the training rows"
        if different > MANY:
            return f"more than {MANY} different texts in {self.present} training rows: names, or too many categories"
        names_rows = different == self.present or (different > FEW and different > self.present / 2)
        if self.is_text and names_rows and self.present > 1:
            return f"{different} different texts in {self.present} training rows: a name, not a category"
        return ""

    def column(self, reading: Reading | None = None) -> Column:
        """Return how the column is encoded; None: it is read as what it is."""
        has_missing = self.present < self.rows
        if self.is_text:
            categories: list[str | None] = [*sorted(self.texts), *([None] if has_missing else [])]
            return Column(self.name, categories, reading=reading or TEXT)
        return Column(self.name, None, self.total / self.present, has_missing, reading or PLAIN)


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
        UserError: a value is no number.
    """
    import polars

    if series.dtype.is_nested() or series.dtype in (polars.Binary, polars.Object):
        raise UserError(f"column {series.name!r} holds {series.dtype}: leave it out with data.ignore=[{series.name}]")
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


def listed(names: Sequence[str], most: int = 20) -> str:
    """Return the first names, with commas between them."""
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
