"""Dates and times of a table as numbers and categories.

    <name> year             if the training rows are of several years
    <name> days             passed since the earliest date of the training rows
    <name> month=3          a mark for each month, weekday and hour of the training rows, if they are of several (hours
    <name> weekday=Monday   where times are given); one that did not occur there is 0 in all of them
    <name> hour=13

All of a clock as it is written, whatever its offset from UTC.

Where a date is missing year and days are the means of the training rows, no mark is set, and `<name> missing` is 1 if
values are missing in the training rows. Times of the day, and durations, are plain numbers in days.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..lazy_polars import pl
from .features import Column, Remarks, marks
from .stated import as_moments, parsed
from .time_axis import WEEKDAYS
from .values import as_numbers, is_text

PARTS = ("month", "weekday", "hour")


@dataclass(frozen=True, kw_only=True)
class Date(Column):
    """A date, or a date and a time."""

    taken_for = "date"

    start: float  # the earliest of the training rows, in days since 1970
    days: float  # mean of the days since then
    year: float | None  # mean; None: there is one year only
    occurring: dict[str, list[int]] = field(
        default_factory=dict
    )  # months, weekdays (1 is Monday) and hours, if several
    has_indicator: bool = False
    zone: str | None = None  # of the clock that hours and days follow, where the training rows name one

    @property
    def outputs(self) -> list[str]:
        """Measurements first, then marks."""
        names = [] if self.year is None else [f"{self.name} year"]
        names.append(f"{self.name} days")
        for part, values in self.occurring.items():
            names += [f"{self.name} {part}={WEEKDAYS[v - 1] if part == 'weekday' else v}" for v in values]
        return [*names, f"{self.name} missing"] if self.has_indicator else names

    @property
    def centres(self) -> list[float | None]:
        measured: list[float | None] = [self.days] if self.year is None else [self.year, self.days]
        return [*measured, *[None] * (len(self.outputs) - len(measured))]

    def encode(self, series: "pl.Series", rows: str, remarks: Remarks) -> NDArray[np.float64]:
        where = f"{rows}: column {self.name!r}"
        if is_text(series) and self.reading.is_moment:
            series = parsed(series, self.reading, where)
        if not (series.dtype.is_numeric() and self.reading.is_moment):
            series = as_moments(series, where)
        if series.dtype not in (pl.Date, pl.Datetime):
            raise UserError(f"{where} must hold dates, as in training; it holds {series.dtype}")
        zone = getattr(series.dtype, "time_zone", None)
        if zone and self.zone:
            series = series.dt.convert_time_zone(self.zone)
        elif zone and self.reading.is_local:
            told = "in training hours and days were those of the clock that was written, whatever its offset"
            logger.warning("{} holds times of {}; {}: give a CSV file with offsets", where, zone, told)
        days = as_numbers(series, rows)
        missing = np.isnan(days)
        if missing.any() and not self.has_indicator:
            remarks.add(missing.sum(), f"missing in {self.name}", "the training mean")
        encoded = [np.where(missing, self.days, days - self.start)[:, np.newaxis]]
        if self.year is not None:
            years = part_of(series, "year")
            encoded.insert(0, np.where(missing, self.year, years)[:, np.newaxis])
        for part, values in self.occurring.items():
            places = np.full(len(series), -1)
            found = part_of(series, part)
            for place, value in enumerate(values):
                places[found == value] = place
            unknown = (places < 0) & ~missing
            if unknown.any():
                examples = {str(int(value)) for value in np.unique(found[unknown])}
                remarks.add(unknown.sum(), f"of another {part} in {self.name}", "0 in all of them", examples)
            encoded.append(marks(places, len(values)))
        if self.has_indicator:
            encoded.append(missing[:, np.newaxis])
        return np.concatenate(encoded, axis=1, dtype=np.float64)


def part_of(series: "pl.Series", part: str) -> NDArray[Any]:
    """Return the year, month, weekday or hour of dates (samples,), -1 where it is missing or dates have none."""
    if part == "hour" and series.dtype == pl.Date:
        return np.zeros(len(series), np.int64)
    return getattr(series.dt, part)().cast(pl.Int64).fill_null(-1).to_numpy()
