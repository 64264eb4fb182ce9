"""Rows of a table as numbers, with statistics of the training rows only.

    numbers, booleans     the value; missing (or infinite): the mean of the training rows, and a column `<name> missing`
                          that is 1 there, if values are missing in the training rows
    dates, times          as numbers, in days (since 1970-01-01)
    text, categories      one column for each category of the training rows, 1 where it applies; missing is a category
                          of its own if it occurs there; an unknown category is 0 in all of them

Left out: a column with one value, text that names the row (more than half of the values are different), whole numbers
that number the rows (all different, under a name such as id, see `roles.py`), and text with more than 10 000
categories.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ..errors import UserError, nearest
from .columns import Column, ColumnStatistics, as_numbers, as_text, listed
from .readings import Reading

if TYPE_CHECKING:
    from polars import DataFrame, Series


class Remarks:
    """What was unknown or missing in some rows."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.examples: defaultdict[tuple[str, str], set[str]] = defaultdict(set)

    def add(self, count: int, what: str, became: str, examples: Iterable[str] = ()) -> None:
        """Remember that `count` values, `what` they are, became something else."""
        self.counts[what, became] += int(count)
        self.examples[what, became] = {*sorted(self.examples[what, became].union(examples))[:4]}

    def say(self, rows: str) -> None:
        """Log all of it in a line."""
        said = []
        for (what, became), count in self.counts.items():
            examples = sorted(self.examples[what, became])
            said.append(f"{count} {what}{f' ({listed(examples, 3)})' if examples else ''} became {became}")
        if said:
            logger.warning("In {}: {}", rows, "; ".join(said))


class TableEncoder:
    """Encodes rows in the way that `fit` took from the training rows.

    Args:
        columns: how each column is encoded.
        left_out: why each other column is left out, by its name.
    """

    def __init__(self, columns: Sequence[Column], left_out: dict[str, str] | None = None) -> None:
        self.columns = list(columns)
        self.left_out = left_out or {}

    @classmethod
    def fit(
        cls,
        table: "DataFrame",
        readings: Mapping[str, Reading] | None = None,
        left_out: Mapping[str, str] | None = None,
    ) -> Self:
        """Decide for each column of the training rows how it is encoded, and say which are left out.

        Args:
            table: the rows.
            readings: how texts of a CSV file became these values; new rows are read in the same way.
            left_out: why columns are left out that may well be in the table.
        """
        return cls.fit_in_chunks([table], readings, left_out)

    @classmethod
    def fit_in_chunks(
        cls,
        chunks: Iterable["DataFrame"],
        readings: Mapping[str, Reading] | None = None,
        left_out: Mapping[str, str] | None = None,
    ) -> Self:
        """Do what `fit` does where the training rows are too many to be in memory at once."""
        seen: dict[str, ColumnStatistics] = {}
        for chunk in chunks:
            for series in chunk:
                seen.setdefault(series.name, ColumnStatistics(series.name)).add(series)
        reasons = {name: statistics.why_useless() for name, statistics in seen.items()} | dict(left_out or {})
        left_out = {name: reason for name, reason in reasons.items() if reason}
        kept = {name: statistics for name, statistics in seen.items() if name not in left_out}
        encoder = cls([one.column((readings or {}).get(name)) for name, one in kept.items()], left_out)
        if left_out and encoder.columns:
            logger.info("{}", encoder.why_left_out())
        return encoder

    def why_left_out(self) -> str:
        """Say which columns are left out and why, in a line."""
        reasons = [f"{name or '(no name)'} ({reason})" for name, reason in self.left_out.items()]
        return f"Left out: {listed(reasons)}"

    def state(self) -> list[dict[str, Any]]:
        """Return plain values that `from_state` makes the encoder of again."""
        return [asdict(column) for column in self.columns]

    @classmethod
    def from_state(cls, state: Sequence[dict[str, Any]]) -> Self:
        """Return the encoder that `state` was taken from."""
        return cls([Column(**{**column, "reading": Reading.from_state(column["reading"])}) for column in state])

    @property
    def readings(self) -> dict[str, Reading]:
        """How each column is read from a CSV file."""
        return {column.name: column.reading for column in self.columns}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the encoded columns."""
        return tuple(name for column in self.columns for name in column.outputs)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which encoded columns are measurements, and not marks of 0 and 1."""
        flags = [column.categories is None and i == 0 for column in self.columns for i in range(len(column.outputs))]
        return np.array(flags, dtype=bool)

    @property
    def centres(self) -> NDArray[np.float64]:
        """The training mean of each encoded column that is a measurement, 0 for marks (features,)."""
        centres = np.zeros(len(self.names))
        centres[self.measured] = [column.mean for column in self.columns if column.categories is None]
        return centres

    def encode(
        self, table: "DataFrame", rows: str, remarks: Remarks | None = None, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return rows (samples, features); say once what was unknown or missing.

        Args:
            table: has at least the columns of the training rows, in any order.
            rows: what the rows are, for messages: `the test rows`.
            remarks: takes up what was unknown or missing, to be said later; None: it is said here.
            out: where the encoded rows are written, as they may fill half of the memory; None: into a new array.

        Raises:
            UserError: a column is not there, or holds text where numbers were.
        """
        for column in self.columns:
            if column.name not in table.columns:
                hint = nearest(column.name, table.columns)
                raise UserError(f"{rows} have no column {column.name!r}. {hint} They have: {listed(table.columns)}")
        encoded = np.empty((table.height, len(self.names))) if out is None else out
        heard = Remarks() if remarks is None else remarks
        first = 0
        for column in self.columns:
            encode_one = encode_number if column.categories is None else encode_category
            last = first + len(column.outputs)
            encoded[:, first:last] = encode_one(column, table[column.name], rows, heard)
            first = last
        if remarks is None:
            heard.say(rows)
        return encoded


def encode_number(column: Column, series: "Series", rows: str, remarks: Remarks) -> NDArray[np.float64]:
    """Return a column (samples, 1), or (samples, 2) with a mark where it is missing."""
    numbers = as_numbers(series, rows)
    missing = ~np.isfinite(numbers)
    if missing.any() and not column.has_indicator:
        remarks.add(missing.sum(), f"missing in {column.name}", f"the training mean {column.mean:.4g}")
    filled = np.where(missing, column.mean, numbers)
    return np.stack([filled, missing] if column.has_indicator else [filled], axis=1)


def encode_category(column: Column, series: "Series", rows: str, remarks: Remarks) -> NDArray[np.float32]:
    """Return marks (samples, categories)."""
    assert column.categories is not None
    values = as_text(series)
    numbers = {value: number for number, value in enumerate(column.categories)}
    places = values.replace_strict(numbers, default=-1).to_numpy()
    unknown = places < 0
    if unknown.any():
        examples = {"missing" if value is None else repr(value) for value in values.filter(unknown).unique()}
        remarks.add(unknown.sum(), f"of unknown category in {column.name}", "0 in all of them", examples)
    marks = np.zeros((len(values), len(column.categories)), np.float32)
    marks[np.flatnonzero(~unknown), places[~unknown]] = 1
    return marks
