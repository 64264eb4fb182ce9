"""Columns of times as numbers: dates and times, and the ways in which months, quarters and weeks are written.

text            1949-01, 1949/01, 1949M01, 01/1949, Jan 1949, 1949 Jan      the first day of the month
                1949Q1, 1949-Q1, Q1 1949                                    the first day of the quarter
                1949-W01                                                    the Monday of the week, ISO 8601
whole numbers   194901, 19490131, 194953    dates, where all are and a month or a year ends between them
"""

import re
from collections.abc import Callable, Iterator
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import UserError
from ..files.readings import MONTHS
from ..lazy_polars import pl
from .values import as_numbers, as_text, is_text, microseconds

FIRST_YEAR, LAST_YEAR = 1700, 2200  # of whole numbers that are taken for dates
BETWEEN = r"[-/.: ]?"


class Times(NamedTuple):
    """The times of rows, as numbers."""

    values: NDArray[np.int64] | NDArray[np.float64]  # (rows,) microseconds since 1970 in UTC if they are dates
    are_dates: bool  # dates or times; otherwise numbers of any unit


def month_named(year: str, name: str) -> date:
    """Return the first day of a month that is written as a word."""
    return date(int(year), MONTHS.index(name[:3].lower()) + 1, 1)


def numbered_date(year: str, month: str, day: str = "1") -> date:
    return date(int(year), int(month), int(day))


def quarter(year: str, number: str) -> date:
    """Return the first day of a quarter, 1 to 4."""
    return date(int(year), 3 * int(number) - 2, 1)


def monday(year: str, week: str) -> date:
    """Return the Monday of a week, ISO 8601."""
    return date.fromisocalendar(int(year), int(week), 1)


# How times are written that no reader of files takes for dates: a pattern, and the date that its groups name.
WRITTEN: tuple[tuple[str, Callable[..., date]], ...] = (
    (rf"(\d{{4}}){BETWEEN}[Mm]?(\d\d?)", numbered_date),
    (r"(\d\d?)[-/.](\d{4})", lambda month, year: numbered_date(year, month)),
    (rf"(\d{{4}}){BETWEEN}[Qq]([1-4])", quarter),
    (rf"[Qq]([1-4]){BETWEEN}(\d{{4}})", lambda number, year: quarter(year, number)),
    (r"(\d{4})[- ]?[Ww](\d\d?)", monday),
    (r"([A-Za-z]{3,9})[-/. ]+(\d{4})", lambda name, year: month_named(year, name)),
    (r"(\d{4})[-/. ]+([A-Za-z]{3,9})", month_named),
)
# Whole numbers that are dates: months, days, and weeks where a number is no month
INTEGERS = ((r"(\d{4})(\d\d)", numbered_date), (r"(\d{4})(\d\d)(\d\d)", numbered_date), (r"(\d{4})(\d\d)", monday))


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
    if column.dtype.is_integer():
        found = [Times(microseconds(dates).to_numpy(), are_dates=True) for dates in dates_of_integers(column)]
        if fits is not None and found and fits(best := max(found, key=fits)):
            return best
        if fits is None and found and len(np.unique(column.to_numpy() // 100)) > 1:
            return found[0]
    values = as_numbers(column)
    if not np.isfinite(values).all():
        raise no_times(column, key, float(values[~np.isfinite(values)][0]))
    return Times(values, are_dates=False)


def as_dates(texts: "pl.Series", key: str) -> "pl.Series":
    """Return the dates that texts stand for, all written in the same way."""
    values = texts.unique(maintain_order=True).to_list()
    dates = dates_of(values)
    if None in dates:
        raise no_times(texts, key, values[dates.index(None)])
    return texts.replace_strict(values, dates, return_dtype=pl.Date)


def dates_of(texts: list[str]) -> list[date | None]:
    """Return the dates of texts, read in the one way that fits most of them; None where it does not fit."""
    dates: list[date | None] = [None] * len(texts)
    for pattern, meaning in WRITTEN:
        found = [written(text, pattern, meaning) for text in texts]
        if found.count(None) < dates.count(None):
            dates = found
    return dates


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
        dates = [written(str(number), pattern, meaning) for number in unique]
        if None not in dates and all(FIRST_YEAR <= day.year <= LAST_YEAR for day in dates if day):
            yield numbers.replace_strict(unique, dates, return_dtype=pl.Date)


def no_times(column: "pl.Series", key: str, example: object) -> UserError:
    """Return what to say about a column whose `example` is no time."""
    return UserError(
        f"{key} must hold dates, times or whole numbers in every row, such as 2026-01-31, 2026-01, 2026Q1 or 2026; "
        f"it holds {column.dtype} such as {example!r}"
    )
