"""What settings state of the columns of a table, and the values of a column that is stated to be of a kind.

data.categorical    texts as they are written: 01234 keeps its zero
data.numeric        numbers, also such that would be taken for the numbers of rows; dates in days since 1970
data.dates          dates and times as files write them, those of `times.py`, and whole numbers: 2026, 202601, 20260131,
                    2026013112
data.text           free text, of which `words.py` takes the words
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time

from ...errors import UserError, override
from ..files.decisions import decide
from ..files.readings import PLAIN, Reading
from ..files.survey import ColumnSurvey, Spelling, misfits, read, survey
from ..lazy_polars import pl
from .times import dates_of, moment, require_century, type_of, written
from .values import as_text, is_text

AS_TEXT = ("categorical", "text")  # kinds whose values are texts
MOMENTS = ("date", "datetime", "time")  # kinds of readings
# Of whole numbers that are dates, or dates and times
DIGITS = {digits: r"(\d{4})" + r"(\d\d)" * (digits // 2 - 2) for digits in (4, 6, 8, 10, 12, 14)}


@dataclass(frozen=True)
class Stated:
    """What settings state."""

    # categorical, numeric, dates or text, of the columns that a setting names; target: a number to predict
    kinds: Mapping[str, str] = field(default_factory=dict)
    max_categories: int = 500  # more are hashed
    max_words: int = 500  # of a column of text

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[str]], max_categories: int, max_words: int) -> "Stated":
        """Return what settings state; `columns` are those of each kind."""
        return cls({name: kind for kind, names in columns.items() for name in names}, max_categories, max_words)

    def typed(self, table: "pl.DataFrame", readings: Mapping[str, Reading], spelling: Spelling, path: str) -> "Typed":
        """Return rows whose columns have the types that are stated, and how their texts are read.

        Raises:
            UserError: a value does not fit: it is named with its column and row.
        """
        columns, kept = [], dict(readings)
        for name, kind in self.kinds.items():
            key = f"data.target={name}" if kind == "target" else f"data.{kind}=[{name}]"
            column, where = table[name], f"{key}: column {name!r} of {path}"
            if kind in AS_TEXT:
                values = as_text(column)
            elif kind == "target" and not (is_text(column) and are_numbers(column, spelling)):
                continue
            elif kind in ("numeric", "target"):
                values, kept[name] = as_stated_numbers(column, readings[name], spelling, where)
            else:
                values, kept[name] = as_stated_dates(column, readings[name], spelling, where)
            columns.append(values.alias(name))
        return table.with_columns(columns), kept


Typed = tuple["pl.DataFrame", dict[str, Reading]]


def as_stated_numbers(
    series: "pl.Series", reading: Reading, spelling: Spelling, where: str
) -> tuple["pl.Series", Reading]:
    """Return a column that is stated to hold numbers, and how its texts are read."""
    if not is_text(series):
        return series, reading
    texts, found = surveyed(series, spelling)
    numbers = found.numbers()
    if len(numbers) > 1 and spelling.decimal is None and PLAIN not in numbers.values():
        raise UserError(
            f"{where}: in numbers such as {found.example!r} the mark may separate decimals or thousands; "
            "data.decimal=point or data.decimal=comma says which"
        )
    best = decide({texts.name: found}, spelling, where)[texts.name] if numbers else nearest_reading(found, ("number",))
    best = replace(best or PLAIN, missing=spelling.missing)
    return parsed(texts, best, where), best


def surveyed(series: "pl.Series", spelling: Spelling) -> tuple["pl.Series", ColumnSurvey]:
    """Return a column of texts without blanks around them, and what they are."""
    texts = as_text(series)
    return texts, survey([texts.to_frame()], [texts.name], spelling.missing)[texts.name]


def are_numbers(series: "pl.Series", spelling: Spelling) -> bool:
    """Say whether half of the texts of a column are numbers."""
    return nearest_reading(surveyed(series, spelling)[1], ("number",)) is not None


def nearest_reading(found: ColumnSurvey, kinds: Sequence[str]) -> Reading | None:
    """Return the reading of some kinds that most texts fit, if half of them fit one."""
    fits = {reading: fit.fits for reading, fit in (found.fits or {}).items() if reading.kind in kinds}
    return max(fits, key=lambda reading: fits[reading], default=None)


def parsed(texts: "pl.Series", reading: Reading, where: str) -> "pl.Series":
    """Return what texts say.

    Raises:
        UserError: one does not fit.
    """
    texts = as_text(texts)
    values = read(reading, texts)
    strange = misfits(reading, texts, values)
    if strange:
        example = texts[strange[0]]
        raise UserError(
            f"{where} must hold {reading}, but row {strange[0] + 1} has {example!r}{may_be_missing(example, where)}"
        )
    return values.alias(texts.name)


def as_stated_dates(
    series: "pl.Series", reading: Reading, spelling: Spelling, where: str
) -> tuple["pl.Series", Reading]:
    """Return a column that is stated to hold dates, and how its texts are read."""
    if not is_text(series):
        return as_moments(series, where), reading
    texts, found = surveyed(series, spelling)
    best = nearest_reading(found, MOMENTS)
    if best is None:
        best = Reading("text", missing=spelling.missing)
        return as_moments(texts.set(texts.is_in(spelling.missing), None), where), best
    if any(one.is_moment for one in found.certain()):
        best = decide({texts.name: found}, spelling, where)[texts.name]
    best = replace(best, missing=spelling.missing)
    return parsed(texts, best, where), best


def as_moments(series: "pl.Series", where: str) -> "pl.Series":
    """Return dates or times; texts and whole numbers become those that the module's docstring names.

    Raises:
        UserError: one is no date.
    """
    if series.dtype.is_temporal():
        return series
    if not is_text(series) and not series.dtype.is_numeric():
        raise UserError(f"{where} must hold dates; it holds {series.dtype}")
    texts = as_text(series)
    present = texts.drop_nulls().unique(maintain_order=True).to_list()
    dates = dates_of_numbers(present) if all(text.isdigit() for text in present) else dates_of(present)
    require_century(present, where)
    if None in dates:
        strange = present[dates.index(None)]
        row = texts.to_list().index(strange) + 1
        raise UserError(
            f"{where} must hold dates, such as 2026-01-31, 2026-01 or 2026, but row {row} has {strange!r}"
            f"{may_be_missing(strange, where)}"
        )
    return texts.replace_strict(present, dates, default=None, return_dtype=type_of(dates))


def may_be_missing(value: str, where: str) -> str:
    """Say how a value that does not fit is read as a missing one; new rows are read as those of training were."""
    return f". {override('data.missing', value)} reads this value as missing" if where.startswith("data.") else ""


def dates_of_numbers(numbers: Sequence[str]) -> list[date | None]:
    """Return the first days of years 2026, months 202601, days 20260131 and so on; None for what is none of them."""
    dates = [written(number, DIGITS[len(number)], moment) if len(number) in DIGITS else None for number in numbers]
    if any(isinstance(one, datetime) for one in dates):  # a column has one type
        return [one and (one if isinstance(one, datetime) else datetime.combine(one, time())) for one in dates]
    return dates
