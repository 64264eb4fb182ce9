"""Columns of times as numbers: dates and times, and the ways in which months, quarters and weeks are written.

text            1949-01, 1949/01, 1949M01, 01/1949, Jan 1949, 1949 Jan, Jan-99      the first day of the month
                (69 to 99 are years of the last century, 68 and less of this one: Jan-49 is in 2049)
                1949Q1, 1949:1, 1949-Q1, Q1 1949, 1Q1949, FY1949Q1, 1949H1, FY1949          the first day of the period
                1949-W01, 1949-W01-1                        the Monday of the week, or that day of it, ISO 8601
                1949-01-31, 19490131T120000, 1949-01-31 12  date, date and time
whole numbers   194901, 19490131, 31011949, 1949031, 490131, 194953, 1949013112
                                                            dates, where all are and a month or a year ends between them
                                                            (of hours, minutes, seconds: an hour)
with a point    1949.01, 1949.1 to 1949.4                   months, quarters, on the same condition
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import UserError
from ..files.decisions import BETWEEN_CENTURIES
from ..files.readings import MONTHS
from ..lazy_polars import pl
from .values import as_numbers, as_text, is_text, microseconds

FIRST_YEAR, LAST_YEAR = 1700, 2200  # of whole numbers that are taken for dates
POINT_ROUNDING = 0.01  # by which a hundred times 1949.01, in 32 bits, may differ from 194901
BETWEEN = r"[-/.: ]?"
SHORT_YEAR = r"([A-Za-z]{3})(?:-| ?')(\d\d)"
YEAR = r"(?:FY ?)?(\d{4})"  # a fiscal one is named after the year in which it ends, or begins: no matter for a step


class Times(NamedTuple):
    """The times of rows, as numbers."""

    values: NDArray[np.int64] | NDArray[np.float64]  # (rows,) microseconds since 1970 in UTC if they are dates
    are_dates: bool  # dates or times; otherwise numbers of any unit


def month_named(year: str, name: str) -> date:
    """Return the first day of a month that is written as a word."""
    return date(int(year), MONTHS.index(name[:3].lower()) + 1, 1)


def of_century(name: str, year: str) -> date:
    """Return the first day of a month whose year has two digits, 69 to 99 of the last century, as of strptime."""
    return month_named(f"{19 if int(year) > 68 else 20}{year}", name)


def moment(year: str, month: str = "1", day: str = "1", *clock: str | None) -> date:
    """Return the date of some numbers, or with hours, and perhaps minutes and seconds, date and time."""
    numbers = [int(number) for number in (year, month, day, *clock) if number]
    return datetime(*numbers) if clock else date(*numbers)  # type: ignore[arg-type]


def quarter(year: str, number: str) -> date:
    """Return the first day of a quarter, 1 to 4."""
    return date(int(year), 3 * int(number) - 2, 1)


def of_week(year: str, week: str, day: str | None = None) -> date:
    """Return a day, 1 to 7, of a week, ISO 8601; without one the Monday."""
    return date.fromisocalendar(int(year), int(week), int(day or 1))


def day_of_year(year: str, number: str) -> date:
    """Return a day by its number in the year, from 1."""
    day = date(int(year), 1, 1) + timedelta(int(number) - 1)
    if day.year != int(year):
        raise ValueError(number)
    return day


def short(year: str, *numbers: str) -> date:
    """Return the date of a year of two digits, see `of_century`."""
    return moment(f"{19 if int(year) > 68 else 20}{year}", *numbers)


# How times are written that no reader of files takes for dates: a pattern, and the date that its groups name.
WRITTEN: tuple[tuple[str, Callable[..., date]], ...] = (
    (r"(\d{4}):([1-4])", quarter),  # where no month, such as 1949:5, stands beside it
    (rf"(\d{{4}}){BETWEEN}[Mm]?(\d\d?)", moment),
    (r"(\d{4})[-/.](\d\d?)[-/.](\d\d?)", moment),
    (r"(\d\d?)[-/.](\d{4})", lambda month, year: moment(year, month)),
    (rf"{YEAR}{BETWEEN}[Qq]([1-4])", quarter),
    (rf"(?:[Qq]([1-4])|([1-4])[Qq]){BETWEEN}{YEAR}", lambda a, b, year: quarter(year, a or b)),
    (rf"{YEAR}{BETWEEN}[Hh]([12])", lambda year, half: quarter(year, str(2 * int(half) - 1))),
    (r"FY ?(\d{4})", moment),
    (r"(\d{4})[- ]?[Ww](\d\d?)(?:-?([1-7]))?", of_week),
    (r"(?:[Ww]|[Kk][Ww]) ?(\d\d?)[-/. ](\d{4})", lambda week, year: of_week(year, week)),
    (r"([A-Za-z]{3,9})[-/. ]+(\d{4})", lambda name, year: month_named(year, name)),
    (r"(\d{4})[-/. ]+([A-Za-z]{3,9})", month_named),
    (SHORT_YEAR, of_century),
    (r"(\d{4})-?(\d\d)-?(\d\d)[T ]?(\d\d)(?::?(\d\d))?(?::?(\d\d))?", moment),
)
# Whole numbers that are dates: months, days, weeks where a number is no month; hours, minutes and seconds. The year
# comes last, or in two digits, or the number is that of the day in the year, where it can be nothing else
INTEGERS = (
    (r"(\d{4})(\d\d)", moment),
    (r"(\d{4})(\d\d)(\d\d)", moment),
    (r"(\d\d)(\d\d)(\d\d)", short),  # where no number is a month; weeks go on beyond 31
    (r"(\d{4})(\d\d)", of_week),
    (r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?", moment),
    (r"(\d\d?)(\d\d)(\d{4})", lambda day, month, year: moment(year, month, day)),
    (r"(\d\d?)(\d\d)(\d{4})", lambda month, day, year: moment(year, month, day)),
    (r"(\d{4})(\d{3})", day_of_year),
)


def read_times(column: "pl.Series", key: str, fits: Callable[[Times], int] | None = None) -> Times:
    """Return the times of all rows.

    `fits` says how many of them may go on after those of training, if whole numbers are dates; None: these are the
    first, dates if a month or a year ends between them. Where none does, both readings count the same steps.

    Raises:
        UserError: one is missing, or no time.
    """
    if column.null_count():
        raise UserError(f"{key} must hold a time in every row, and {column.null_count()} of {len(column)} are missing")
    if is_text(column):
        return Times(microseconds(as_dates(as_text(column), key)).to_numpy(), are_dates=True)
    if column.dtype.is_temporal():
        return Times(microseconds(column).to_numpy(), are_dates=True)
    if not column.dtype.is_numeric():
        raise no_times(column, key, column[0])
    integers = as_integers(column)
    if integers is not None:
        found = [Times(microseconds(dates).to_numpy(), are_dates=True) for dates in dates_of_integers(integers)]
        if fits is not None and found and fits(best := max(found, key=fits)):
            return best
        if fits is None and found and len(np.unique(integers.to_numpy() // 100)) > 1:
            if len(found) > 1 and len(str(integers[0])) in (7, 8):
                example = f"{key} holds dates such as {column[0]}"
                raise UserError(f"{example}, in which day and month cannot be told apart: write them as 2026-01-31")
            return found[0]
    # A float has too few digits for nanoseconds since 1970
    values = column.cast(pl.Int64, strict=False).to_numpy() if column.dtype.is_integer() else as_numbers(column)
    if not np.isfinite(values).all():
        raise no_times(column, key, float(values[~np.isfinite(values)][0]))
    return Times(values, are_dates=False)


def as_integers(column: "pl.Series") -> "pl.Series | None":
    """Return the whole numbers that a column holds, 194901 for 1949.01, 194904 for the quarter 1949.2; else None."""
    if column.dtype.is_integer():
        return column
    values = as_numbers(column)
    for size in (1, 10, 100):
        whole = np.round(values * size)
        if (np.abs(values * size - whole) < POINT_ROUNDING).all():
            year, part = np.divmod(whole, size)
            if size == 10 and not ((part >= 1) & (part <= 4)).all():
                return None
            return pl.Series(column.name, 100 * year + 3 * part - 2 if size == 10 else whole).cast(pl.Int64)
    return None


def as_dates(texts: "pl.Series", key: str) -> "pl.Series":
    """Return the dates, or dates and times, that texts stand for, all written in the same way."""
    values = texts.unique(maintain_order=True).to_list()
    dates = dates_of(values)
    require_century(values, key)
    if None in dates:
        raise no_times(texts, key, values[dates.index(None)])
    return texts.replace_strict(values, dates, return_dtype=type_of(dates))


def dates_of(texts: list[str]) -> list[date | None]:
    """Return the dates of texts, read in the one way that fits most of them; None where it does not fit."""
    dates: list[date | None] = [None] * len(texts)
    for pattern, meaning in WRITTEN:
        found = [written(text, pattern, meaning) for text in texts]
        if found.count(None) < dates.count(None):
            dates = found
    return dates


def require_century(texts: Sequence[str], where: str) -> None:
    """Refuse years of two digits, such as those from Jan-58 to Dec-17, that would not be in the order of the texts."""
    found = {int(match[2]): text for text in texts if (match := re.fullmatch(SHORT_YEAR, text))}
    late, early = max((y for y in found if y <= 68), default=0), min((y for y in found if y > 68), default=99)
    if early - late < BETWEEN_CENTURIES and {late, early} <= {*found}:
        ends = f"{found[late]!r} would be in 20{late} and {found[early]!r} in 19{early}"
        raise UserError(f"{where}: {ends}: write years of four digits")


def written(text: str | None, pattern: str, meaning: Callable[..., date]) -> date | None:
    """Return the date of a text that is written in one way; None if it is not."""
    match = re.fullmatch(pattern, text or "")
    try:
        return meaning(*match.groups()) if match else None
    except ValueError:
        return None


def dates_of_integers(column: "pl.Series") -> "Iterator[pl.Series]":
    """Yield the dates that all numbers such as 194901, 20260131 or 202653 may stand for."""
    numbers = column.cast(pl.Int64)
    unique = numbers.unique().to_list()
    for pattern, meaning in INTEGERS:
        dates = [*takewhile(is_likely, (written(str(number), pattern, meaning) for number in unique))]
        if len(dates) == len(unique):
            yield numbers.replace_strict(unique, dates, return_dtype=type_of(dates))


def is_likely(day: date | None) -> bool:
    return day is not None and FIRST_YEAR <= day.year <= LAST_YEAR


def type_of(dates: Iterable[date | None]) -> "pl.DataType | type[pl.DataType]":
    """Return the type of a column of dates, or of dates and times."""
    return pl.Datetime("us") if any(isinstance(one, datetime) for one in dates) else pl.Date


def no_times(column: "pl.Series", key: str, example: object) -> UserError:
    """Return what to say about a column whose `example` is no time."""
    return UserError(
        f"{key} must hold dates, times or whole numbers in every row, such as 2026-01-31, 2026-01, 2026Q1 or 2026; "
        f"it holds {column.dtype} such as {example!r}"
    )
