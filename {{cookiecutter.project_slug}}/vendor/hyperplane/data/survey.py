"""How the columns of a CSV file are to be read, as all of their values say: one value decides, wherever it stands."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from loguru import logger

from ..errors import UserError
from .layout import is_blank
from .readings import (
    BOOLEAN,
    MISSING,
    MISSING_BESIDE_NUMBERS,
    PLAIN,
    TEXT,
    Reading,
    day_first,
    proposals,
)

if TYPE_CHECKING:
    from polars import DataFrame, Series

SAMPLE = 1000  # values of a column that its possible readings follow from
SECONDS_BETWEEN_LINES = 10.0
MARK = {"point": ".", "comma": ","}


@dataclass(frozen=True)
class Spelling:
    """What a file does not say of itself.

    Args:
        day_first: whether 02/01/2024 is 2 January, where nothing in the column tells.
        decimal: which mark separates decimals, where nothing in the file tells.
        missing: what stands for a missing value, besides the usual marks.
        texts: columns that hold texts, whatever they look like.
    """

    day_first: bool | None = None
    decimal: Literal["point", "comma"] | None = None
    missing: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


@dataclass
class Fit:
    """How well the texts of a column fit a reading."""

    fits: int = 0
    marks: int = 0  # of the others, those that stand for a missing value
    odd: str | None = None  # the first of these that does not stand for one among texts
    unlike: str | None = None  # the first that is neither

    def add(self, fits: int, others: "Series") -> None:
        """Count texts that fit, and look at those that do not."""
        self.fits += fits
        if len(others):
            is_mark = is_missing(others)
            self.marks += int(is_mark.sum())
            self.odd = self.odd or first(others.filter(is_mark & ~others.is_in(MISSING)))
            self.unlike = self.unlike or first(others.filter(~is_mark))


@dataclass
class ColumnSurvey:
    """What the texts of a column are, taken in chunk by chunk."""

    name: str
    missing: tuple[str, ...] = ()  # further marks
    texts: int = 0
    fits: dict[Reading, Fit] | None = None  # None: no text has told yet
    is_whole: bool = True  # plain numbers are whole ones
    pointed: str | None = None  # the first plain number with a decimal point
    has_mark: bool = False  # a text that is no plain number has a point or a comma
    example: str | None = None  # the first text that is no plain number

    def add(self, texts: "Series") -> None:
        """Take in texts without blanks around them, null where there is none."""
        texts = texts.drop_nulls()
        if self.missing:
            texts = texts.filter(~texts.is_in(self.missing))
        if self.fits is None and len(texts):
            self.propose(texts)
        self.texts += len(texts)
        if not self.fits:
            return
        rest = self.add_plain(texts) if PLAIN in self.fits else texts
        if len(rest):
            says = rest.filter(~is_missing(rest))
            self.example = self.example or first(says)
            self.has_mark = self.has_mark or bool(says.str.contains("[.,]").any())
        for reading, fit in self.fits.items():
            if reading == PLAIN:
                continue
            some = texts
            if PLAIN in self.fits and reading.kind == "number" and not reading.unit:
                # What is a plain number is one with a decimal point as well; with a comma, if it has no point
                some = rest if reading.pattern == "." or self.pointed is None else texts
            fits = read(reading, some).is_not_null()
            fit.add(len(texts) - len(some) + int(fits.sum()), some.filter(~fits))
        self.fits = {r: fit for r, fit in self.fits.items() if 2 * (fit.fits + fit.marks) >= self.texts}

    def add_plain(self, texts: "Series") -> "Series":
        """Count plain numbers, and return the other texts."""
        import polars

        assert self.fits is not None
        is_plain = read(PLAIN, texts).is_not_null()
        rest = texts.head(0) if is_plain.all() else texts.filter(~is_plain)
        self.fits[PLAIN].add(len(texts) - len(rest), rest)
        if self.is_whole:
            whole = len(texts) - texts.cast(polars.Int64, strict=False).null_count()
            self.is_whole = whole == len(texts) - len(rest)
        if not self.is_whole and self.pointed is None:
            self.pointed = first(texts.filter(is_plain & texts.str.contains(r"\.\d")))
        return rest

    def propose(self, texts: "Series") -> None:
        """Keep the readings that at least half of the first texts fit."""
        says = texts.filter(~is_missing(texts)).head(SAMPLE)
        if len(says):
            possible = proposals(says.unique(maintain_order=True).to_list())
            kept = [reading for reading in possible if 2 * read(reading, says).count() >= len(says)]
            self.fits = {reading: Fit(marks=self.texts) for reading in kept}

    def certain(self) -> list[Reading]:
        """Return the readings that all texts fit which do not stand for a missing value."""
        return [r for r, fit in (self.fits or {}).items() if fit.fits and fit.unlike is None]

    def numbers(self) -> dict[str, Reading]:
        """Return the certain readings as numbers, by the mark that separates decimals."""
        found = {reading.pattern: reading for reading in self.certain() if reading.kind == "number"}
        if "" in found:
            found = {".": found[""]} | ({",": found[","]} if "," in found and self.pointed else {})
        elif not self.has_mark:
            found.pop(",", None)  # nothing but blanks or the like between groups of digits
        return found

    def mark(self) -> str | None:
        """Return the mark that must separate decimals in this column; None: it may be both, or does not occur."""
        found = self.numbers()
        says = self.pointed or self.has_mark
        return next(iter(found)) if len(found) == 1 and says else None


def is_missing(texts: "Series") -> "Series":
    """Say which texts stand for a missing value beside numbers."""
    return texts.str.to_lowercase().is_in(MISSING_BESIDE_NUMBERS)


def first(texts: "Series") -> str | None:
    """Return the first of some texts, if there is one."""
    return texts[0] if len(texts) else None


def read(reading: Reading, texts: "Series") -> "Series":
    """Return what texts say, null where they do not fit."""
    import polars

    return polars.select(reading.values(polars.lit(texts))).to_series()


def misfits(reading: Reading, texts: "Series", values: "Series") -> list[int]:
    """Return the numbers of the texts that neither fit a reading nor stand for a missing value."""
    if reading.kind == "text":
        return []
    is_known = texts.is_null() | values.is_not_null() | texts.is_in(reading.missing) | is_missing(texts)
    return (~is_known.fill_null(True)).arg_true().to_list()


def survey(
    chunks: Iterable["DataFrame"], names: Sequence[str], missing: tuple[str, ...] = ()
) -> tuple[dict[str, ColumnSurvey], int]:
    """Return what the texts of some columns are, and how many rows are blank; lines now and then say how far it is."""
    columns = {name: ColumnSurvey(name, missing) for name in names}
    rows, blank_rows, said = 0, 0, time.monotonic()
    for chunk in chunks:
        blank_rows += int(chunk.select(is_blank()).to_series().sum())
        for name, column in columns.items():
            column.add(chunk[name])
        rows += chunk.height
        if time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            logger.info("{} rows are looked at", rows)
    return columns, blank_rows


def decide(columns: dict[str, ColumnSurvey], spelling: Spelling, key: str) -> dict[str, Reading]:
    """Return how each column is read, and say what is not plain about it.

    Raises:
        UserError: nothing tells the day from the month in a column of dates.
    """
    marks = {mark for column in columns.values() if (mark := column.mark())}
    tie = MARK[spelling.decimal] if spelling.decimal else next(iter(marks)) if len(marks) == 1 else ""
    readings, said = {}, []
    for name, column in columns.items():
        reading = reading_of_column(column, tie, spelling, key)
        readings[name] = replace(reading, missing=spelling.missing)
        fit = (column.fits or {}).get(reading)
        if reading.kind == "number" and not reading.is_plain:
            said.append(f"{name} ({reading}, such as {column.example or column.pointed!r})")
        elif day_first(reading) is not None:
            said.append(f"{name} ({reading})")
        if fit is not None and fit.odd is not None:
            said.append(f"{name} ({reading}, missing where it says {fit.odd!r})")
    if said:
        logger.info("Read as: {}", ", ".join(said))
    return readings


def reading_of_column(column: ColumnSurvey, tie: str, spelling: Spelling, key: str) -> Reading:
    """Return how a column is read; a warning names one that is nearly, or may be, something else than text.

    Args:
        column: what its texts are.
        tie: the mark that separates decimals if it may be both; empty: nothing says it.
        spelling: what the settings say.
        key: setting and path of the file, for messages.

    Raises:
        UserError: see `decide`.
    """
    certain, numbers = column.certain(), column.numbers()
    if len(numbers) == 1 or tie in numbers:
        return numbers.get(tie) or next(iter(numbers.values()))
    if numbers:
        if PLAIN in numbers.values():
            return PLAIN
        logger.warning(
            "{}: in numbers such as {!r} the mark may be that of decimals or of thousands, and nothing tells which: "
            "the column is taken for text. data.decimal=point or data.decimal=comma says which mark separates decimals",
            column.name,
            column.example,
        )
        return TEXT
    moments = [reading for reading in certain if reading.kind in ("date", "datetime", "time")]
    if moments:
        return moment_of(column, moments, spelling, key)
    if BOOLEAN in certain:
        return BOOLEAN
    near = max(column.fits or {}, key=lambda reading: (column.fits or {})[reading].fits, default=None)
    if near is not None and column.fits:
        fit = column.fits[near]
        logger.warning(
            "{}: {} of {} values are {}, but {!r} is not: the column is taken for text. data.missing=['{}'] reads this "
            "value as a missing one, data.ignore=[{}] leaves the column out",
            column.name, fit.fits, column.texts, near, fit.unlike, fit.unlike, column.name,
        )  # fmt: skip
    return TEXT


def moment_of(column: ColumnSurvey, moments: list[Reading], spelling: Spelling, key: str) -> Reading:
    """Return how dates are read.

    Raises:
        UserError: the day and the month may both come first.
    """
    by_order = {day_first(reading): reading for reading in moments}
    if len(by_order) == 1:
        return moments[0]
    if spelling.day_first is not None:
        return by_order[spelling.day_first]
    if by_order[True].pattern.startswith("%d."):
        return by_order[True]  # nobody writes the month first with points
    raise UserError(
        f"column {column.name!r} of {key} holds dates such as {column.example!r}, and none of them tells the day from "
        "the month: data.day_first=true says that the day comes first, data.day_first=false the month"
    )
