"""How the columns of a CSV file are to be read, as all of their values say: one value decides, wherever it stands."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..lazy_polars import pl
from .readings import MISSING, MISSING_BESIDE_NUMBERS, PLAIN, TEXT, Reading, proposals

PADDED = r"^0\d"
SAMPLE = 1000  # values of a column that its possible readings follow from


@dataclass(frozen=True)
class Spelling:
    """What a file does not say of itself."""

    day_first: bool | None = None  # whether 02/01/2024 is 2 January, where nothing in the column tells
    decimal: Literal["point", "comma"] | None = None  # which mark separates decimals, where nothing in the file tells
    missing: tuple[str, ...] = ()  # what stands for a missing value, besides the usual marks
    texts: tuple[str, ...] = ()  # columns that hold texts, whatever they look like
    codes: tuple[str, ...] = ()  # columns that hold texts where two of them would be one number
    is_local: bool = False  # month, weekday and hour are those that are written, not those of UTC
    settings: tuple[str, ...] = ("day_first", "decimal", "missing", "ignore")  # of these, those that messages may name


UNTOLD = Spelling(settings=())  # of data sets that have none of these settings


@dataclass
class Fit:
    """How well the texts of a column fit a reading."""

    fits: int = 0
    marks: int = 0  # of the others, those that stand for a missing value
    odd: str | None = None  # the first of these that does not stand for one among texts
    unlike: str | None = None  # the first that is neither

    def add(self, fits: int, others: "pl.Series") -> None:
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
    padded: str | None = None  # the first plain number with a zero in front of another digit
    has_mark: bool = False  # a text that is no plain number has a point or a comma
    example: str | None = None  # the first text that is no plain number
    debit: str | None = None  # the first text whose end may mark a negative number: (4.00) or 4.00-

    def add(self, texts: "pl.Series") -> None:
        """Take in texts without blanks around them, null where there is none."""
        texts = texts.drop_nulls()
        if self.missing:
            texts = texts.filter(~texts.is_in(self.missing))
        if self.fits is None and len(texts):
            self.propose(texts)
            self.count(texts[:SAMPLE])  # few readings are left for the others
            texts = texts[SAMPLE:]
        self.count(texts)

    def count(self, texts: "pl.Series") -> None:
        self.texts += len(texts)
        if not self.fits or not len(texts):
            return
        rest = self.add_plain(texts) if PLAIN in self.fits else texts
        if len(rest):
            says = rest.filter(~is_missing(rest))
            self.example = self.example or first(says)
            self.has_mark = self.has_mark or bool(says.str.contains("[.,]").any())
            self.debit = self.debit or first(says.filter(says.str.contains(r"\d\D*[-−)]\D*$")))
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

    def add_plain(self, texts: "pl.Series") -> "pl.Series":
        """Count plain numbers, and return the other texts."""
        assert self.fits is not None
        is_plain = read(PLAIN, texts).is_not_null()
        rest = texts.head(0) if is_plain.all() else texts.filter(~is_plain)
        self.fits[PLAIN].add(len(texts) - len(rest), rest)
        if self.is_whole:
            whole = len(texts) - texts.cast(pl.Int64, strict=False).null_count()
            self.is_whole = whole == len(texts) - len(rest)
        if self.padded is None:
            self.padded = first(texts.filter(is_plain & texts.str.contains(PADDED)))
        if not self.is_whole and self.pointed is None:
            self.pointed = first(texts.filter(is_plain & texts.str.contains(r"\.\d")))
        return rest

    def propose(self, texts: "pl.Series") -> None:
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
        without_unit_last = sorted(self.certain(), key=lambda reading: not reading.unit)
        found = {reading.pattern: reading for reading in without_unit_last if reading.kind == "number"}
        if "" in found:
            found = {".": found[""]} | ({",": found[","]} if "," in found and self.pointed else {})
        elif not self.has_mark:
            found.pop(",", None)  # nothing but blanks or the like between groups of digits
        return found

    @property
    def has_marks(self) -> bool:
        """Whether a text stands for a missing value beside plain numbers."""
        return bool(self.fits and PLAIN in self.fits and self.fits[PLAIN].marks)

    def settled(self) -> Reading | None:
        """Return the reading that further texts can only contradict; None: they may choose between several."""
        if self.fits == {}:
            return TEXT if 2 * self.texts >= SAMPLE else None
        numbers = self.numbers()
        if [*numbers.values()] != [PLAIN] or not (self.is_whole or self.pointed):
            return None
        assert self.fits is not None
        return PLAIN if self.fits[PLAIN].odd is None else None

    def mark(self) -> str | None:
        """Return the mark that must separate decimals in this column; None: it may be both, or does not occur."""
        found = self.numbers()
        says = self.pointed or self.has_mark
        return next(iter(found)) if len(found) == 1 and says else None


def is_missing(texts: "pl.Series") -> "pl.Series":
    """Say which texts stand for a missing value beside numbers."""
    return texts.str.to_lowercase().is_in(MISSING_BESIDE_NUMBERS)


def first(texts: "pl.Series") -> str | None:
    return texts[0] if len(texts) else None


def read(reading: Reading, texts: "pl.Series") -> "pl.Series":
    """Return what texts say, null where they do not fit."""
    return pl.select(reading.values(pl.lit(texts))).to_series()


def misfits(reading: Reading, texts: "pl.Series", values: "pl.Series") -> list[int]:
    """Return the numbers of the texts that neither fit a reading nor stand for a missing value."""
    if reading.kind == "text":
        return []
    is_known = texts.is_null() | values.is_not_null() | texts.is_in(reading.missing) | is_missing(texts)
    return (~is_known.fill_null(True)).arg_true().to_list()


def has_synonyms(column: ColumnSurvey, texts: "pl.Series") -> bool:
    """Say whether two different texts of a column are the same number, such as 1 and 1.0."""
    values = [read(reading, texts).drop_nulls() for reading in column.numbers().values()]
    return any(some.n_unique() < len(some) for some in values)


def survey(
    chunks: Iterable["pl.DataFrame"], names: Iterable[str], missing: tuple[str, ...] = ()
) -> dict[str, ColumnSurvey]:
    """Return what the texts of some columns are."""
    columns = {name: ColumnSurvey(name, missing) for name in names}
    for chunk in chunks:
        for name, column in columns.items():
            column.add(chunk[name])
    return columns
