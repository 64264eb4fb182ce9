"""How one column of a table becomes numbers: a number, marks of its categories, or marks of their hashes.

    Number       the value; where it is missing the mean of the training rows, and 1 in a column `<name> missing` if
                 values are missing in the training rows
    Category     one column for each category of the training rows, 1 where it applies; missing is a category of its own
                 if it occurs there; an unknown category is 0 in all of them
    Hashed       as many columns as there are buckets, 1 in that of the hash of the text: several categories share a
                 bucket, and so does an unknown one

Dates are in `dates.py`, the words of texts in `words.py`. A kind of column is a class, which finds itself again in a
checkpoint by its name.
"""

import zlib
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ..files.readings import PLAIN, Reading
from ..lazy_polars import pl
from .stated import parsed
from .values import as_numbers, as_text, is_text, listed


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
        said = []
        for (what, became), count in self.counts.items():
            examples = sorted(self.examples[what, became])
            said.append(f"{count} {what}{f' ({listed(examples, 3)})' if examples else ''} became {became}")
        if said:
            logger.warning("In {}: {}", rows, "; ".join(said))


@dataclass(frozen=True, kw_only=True)
class Column(ABC):
    """How one column of the table is encoded; a subclass says what it becomes."""

    kinds: ClassVar[dict[str, type["Column"]]] = {}  # all subclasses by their name
    taken_for: ClassVar[str]  # in words

    name: str
    reading: Reading = field(default=PLAIN)  # of a CSV file

    def __init_subclass__(cls) -> None:
        """Register the kind, so that `from_state` finds it."""
        Column.kinds[cls.__name__] = cls

    @property
    @abstractmethod
    def outputs(self) -> list[str]:
        """The names of the columns that it becomes."""

    @property
    def centres(self) -> list[float | None]:
        """The training mean of each of them that is a measurement, None for marks and counts."""
        return [None] * len(self.outputs)

    @abstractmethod
    def encode(self, series: "pl.Series", rows: str, remarks: Remarks) -> NDArray[Any]:
        """Return the values of rows (samples, outputs)."""

    def state(self) -> dict[str, Any]:
        """Return plain values that `from_state` makes the column of again."""
        return {"kind": type(self).__name__, **asdict(self)}

    @staticmethod
    def from_state(state: dict[str, Any]) -> "Column":
        values = dict(state)
        kind = Column.kinds[values.pop("kind")]
        return kind(**{**values, "reading": Reading.from_state(values["reading"])})


@dataclass(frozen=True, kw_only=True)
class Number(Column):
    """A measurement, or true and false."""

    taken_for = "number"

    mean: float  # of the training rows
    has_indicator: bool = False

    @property
    def outputs(self) -> list[str]:
        return [self.name, f"{self.name} missing"] if self.has_indicator else [self.name]

    @property
    def centres(self) -> list[float | None]:
        return [self.mean, None] if self.has_indicator else [self.mean]

    def encode(self, series: "pl.Series", rows: str, remarks: Remarks) -> NDArray[np.float64]:
        if is_text(series) and not self.reading.is_plain and self.reading.kind in ("number", "boolean"):
            series = parsed(series, self.reading, rows)
        numbers = as_numbers(series, rows, self.reading)
        missing = ~np.isfinite(numbers)
        if missing.any() and not self.has_indicator:
            remarks.add(missing.sum(), f"missing in {self.name}", f"the training mean {self.mean:.4g}")
        filled = np.where(missing, self.mean, numbers)
        return np.stack([filled, missing] if self.has_indicator else [filled], axis=1)


@dataclass(frozen=True, kw_only=True)
class Category(Column):
    """One of a few values."""

    taken_for = "categories"

    categories: list[str | None]  # of the training rows; None: missing

    @property
    def outputs(self) -> list[str]:
        return [f"{self.name}={'missing' if value is None else value}" for value in self.categories]

    def encode(self, series: "pl.Series", rows: str, remarks: Remarks) -> NDArray[np.float32]:
        values = as_text(series)
        numbers = {value: number for number, value in enumerate(self.categories)}
        exact = values.replace_strict(numbers, default=None, return_dtype=pl.Int64)
        alike = dict(zip(whole(pl.Series(self.categories, dtype=pl.String)), numbers.values(), strict=True))
        places = exact.fill_null(whole(values).replace_strict(alike, default=-1, return_dtype=pl.Int64)).to_numpy()
        unknown = places < 0
        if unknown.any():
            examples = {"missing" if value is None else repr(value) for value in values.filter(unknown).unique()}
            remarks.add(unknown.sum(), f"of unknown category in {self.name}", "0 in all of them", examples)
        return marks(places, len(self.categories))


@dataclass(frozen=True, kw_only=True)
class Hashed(Column):
    """One of many values."""

    taken_for = "hashed categories"

    buckets: int
    has_missing: bool = False  # in the training rows

    @property
    def outputs(self) -> list[str]:
        """A mark for each bucket, and one where the value is missing."""
        names = [f"{self.name} bucket {number}" for number in range(self.buckets)]
        return [*names, f"{self.name}=missing"] if self.has_missing else names

    def encode(self, series: "pl.Series", rows: str, remarks: Remarks) -> NDArray[np.float32]:
        values = whole(as_text(series))
        missing = values.is_null().to_numpy()
        if missing.any() and not self.has_missing:
            remarks.add(missing.sum(), f"missing in {self.name}", "0 in all buckets")
        texts = values.drop_nulls().unique().to_list()
        buckets = {text: zlib.crc32(text.encode()) % self.buckets for text in texts}
        absent = self.buckets if self.has_missing else -1
        places = values.replace_strict({**buckets, None: absent}, return_dtype=pl.Int64).to_numpy()
        return marks(places, len(self.outputs))


def whole(texts: "pl.Series") -> "pl.Series":
    """Return texts in which 1.0 is 1: tools write whole numbers with a point where others of the column are missing."""
    return texts.str.replace(r"^(-?\d+)\.0+$", "$1")


def marks(places: NDArray[np.integer[Any]], columns: int) -> NDArray[np.float32]:
    """Return rows (samples, columns) with 1 in the column that each place names, and none for a place of -1."""
    marked = np.zeros((len(places), columns), np.float32)
    known = places >= 0
    marked[np.flatnonzero(known), places[known]] = 1
    return marked
