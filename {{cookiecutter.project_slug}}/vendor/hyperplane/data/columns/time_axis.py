"""Axes of time: the step from one row of a series to the next, and the number of the step of each row.

months      the same day of every month, its last day, or its first or last Monday to Friday: months, quarters, years
weekdays    the days of the week that occur at all, such as Monday to Friday: from Friday to Monday is one step
time        even steps of hours, days, weeks and so on. Where clocks change, rows of local times may come an hour sooner
            or later than that
number      even steps of numbers; decimal ones, such as years 1949.083, are rounded
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .times import Times

Numbers = NDArray[np.int64] | NDArray[np.float64]

HOUR, DAY = 3_600_000_000, 86_400_000_000  # microseconds
CLOCKS_CHANGE = (HOUR, HOUR // 2)  # by half an hour on Lord Howe Island
LEAST_ACROSS_CLOCKS = 3 * HOUR  # a shorter step cannot be told from the hour by which clocks change
FIRST_WORKDAY, LAST_WORKDAY = 0, -1  # of a month, instead of one of its days 1 to 31
ROUNDING = 1e-3  # of a step, by which a time may differ from a whole one
DECIMAL_ROUNDING = 0.01  # of numbers with digits behind the point
YEAR_ROUNDING = 0.2  # of decimal years: 1949.08, and months of 28 to 31 days
YEARS = (1000, 3000)  # numbers between these may be decimal years
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = {1: "months", 3: "quarters", 6: "half-years", 12: "years"}
DURATIONS = ((7 * DAY, "week"), (DAY, "day"), (HOUR, "hour"), (60_000_000, "minute"), (1_000_000, "second"))


@dataclass(frozen=True)
class TimeAxis:
    """Steps of time: a row of position p has the number (p − origin) / step."""

    unit: Literal["months", "weekdays", "time", "number"]
    step: float = 1.0  # in units: months, days that occur, microseconds, or those of the numbers
    origin: float = 0.0  # position of step 0; a whole number where positions are, of all their digits
    shift: int = 0  # microseconds to the date that a local midnight, kept in UTC, is that of
    anchor: int = 1  # day of the month, FIRST_WORKDAY or LAST_WORKDAY
    weekdays: tuple[int, ...] = ()  # that occur, 0 is Monday
    rounding: float = ROUNDING  # of a step

    def place(self, times: Times) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the number of the step of each time, and whether it lies on one."""
        if times.are_dates == (self.unit == "number"):
            return np.zeros(len(times.values), np.int64), np.zeros(len(times.values), np.bool_)
        positions, fits = self.positions(times.values)
        exact = (positions - self.origin) / self.step
        steps = np.round(exact)
        off = np.abs(exact - steps)
        on_step = off <= self.rounding
        if self.unit == "time" and self.step >= LEAST_ACROSS_CLOCKS:
            on_step |= np.any([np.abs(off * self.step - by) <= ROUNDING * HOUR for by in CLOCKS_CHANGE], axis=0)
        return steps.astype(np.int64), fits & on_step

    def positions(self, values: Numbers) -> tuple[Numbers, NDArray[np.bool_]]:
        """Return where times lie in units of this axis, and whether they can."""
        if self.unit == "months":
            days, months = calendar(values + self.shift)
            return months.astype(np.int64), days == days_of(months, self.anchor)
        if self.unit == "weekdays":
            weeks, weekday = np.divmod((values + self.shift) // DAY + 3, 7)  # 1970 began on a Thursday
            place = np.searchsorted(self.weekdays, weekday)
            fits = np.isin(weekday, self.weekdays)
            return weeks * len(self.weekdays) + place.astype(np.int64), fits
        return values, np.ones(len(values), np.bool_)

    def __str__(self) -> str:
        """Name the step, such as: months, 28 days, 6 hours."""
        if self.unit == "months":
            return MONTHS.get(int(self.step), f"{self.step:g} months")
        if self.unit == "weekdays":
            named = ", ".join(WEEKDAYS[day] for day in self.weekdays)
            return f"{'business days' if self.weekdays == tuple(range(5)) else 'days'} ({named})"
        return duration(self.step) if self.unit == "time" else f"{self.step:.6g}"


def recognise(times: Times, series: NDArray[np.int64]) -> TimeAxis | None:
    """Return the axis on which the times of all rows, of series by their number, lie; None if they are uneven."""
    order = np.lexsort((times.values, series))
    ordered, of = Times(times.values[order], times.are_dates), series[order]
    for axis in candidates(ordered, of):
        steps, fits = axis.place(ordered)
        moved = (np.diff(steps) > 0) | (np.diff(ordered.values) == 0) | (np.diff(of) != 0)
        if fits.all() and moved.all() and clocks_change_rarely(axis, ordered):
            return axis
    return None


def candidates(times: Times, series: NDArray[np.int64]) -> Iterator[TimeAxis]:
    """Yield the axes that times, ordered in each series, may lie on, the likely ones first."""
    if times.are_dates:
        # Where clocks change these are local times, and the date half a day later is that of a local midnight.
        shifts = (DAY // 2, 0) if np.ptp(times.values % DAY) else (0, DAY // 2)
        for shift in shifts:
            if np.ptp((times.values + shift) % DAY) <= HOUR:
                yield from calendars(times.values, series, shift)
    values = times.values
    between = distances(values, series)
    if not len(between):
        yield TimeAxis("time" if times.are_dates else "number", origin=float(values.min()))
        return
    unit: Literal["time", "number"] = "time" if times.are_dates else "number"
    for step in (between.min(), most_common(between)):
        yield TimeAxis(unit, float(step), values.min().item())
    if not times.are_dates and (values % 1).any():
        step = float(between[np.abs(between / np.median(between) - 1) < 0.5].mean())
        are_years = YEARS[0] < values.min() and values.max() < YEARS[1] and step < 1
        if are_years and abs(1 / step - round(1 / step)) < 0.1:
            step = 1 / round(1 / step)
        rounding = YEAR_ROUNDING if are_years else DECIMAL_ROUNDING
        yield TimeAxis(unit, step, decimal_origin(values, step), rounding=rounding)


def calendars(values: Numbers, series: NDArray[np.int64], shift: int) -> Iterator[TimeAxis]:
    """Yield axes of months and weekdays, for times at the same hour of the day."""
    days, months = calendar(values + shift)
    day_of_month = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
    between = distances(months.astype(np.int64), series)
    if len(between):
        step, origin = float(np.gcd.reduce(between)), float(months.astype(np.int64).min())
        for anchor in (int(day_of_month.max()), FIRST_WORKDAY, LAST_WORKDAY):
            yield TimeAxis("months", step, origin, shift, anchor)
    weekdays = tuple(np.unique((days.astype(np.int64) + 3) % 7).tolist())
    if 1 < len(weekdays) < 7:
        axis = TimeAxis("weekdays", shift=shift, weekdays=weekdays)
        positions, _ = axis.positions(values)
        if (distances(positions, series) == 1).mean() > 0.5:
            yield TimeAxis("weekdays", 1.0, float(positions.min()), shift, weekdays=weekdays)


def calendar(moments: Numbers) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Return the days and the months of moments in microseconds since 1970."""
    days = (moments // DAY).astype("datetime64[D]")
    return days, days.astype("datetime64[M]")


def days_of(months: NDArray[np.datetime64], anchor: int) -> NDArray[np.datetime64]:
    """Return the day of each month that `anchor` names; the last one where a month is shorter."""
    first, after = months.astype("datetime64[D]"), (months + 1).astype("datetime64[D]")
    if anchor == FIRST_WORKDAY:
        return np.busday_offset(first, 0, roll="forward")
    if anchor == LAST_WORKDAY:
        return np.busday_offset(after - 1, 0, roll="backward")
    return np.minimum(first + (anchor - 1), after - 1)


def clocks_change_rarely(axis: TimeAxis, times: Times) -> bool:
    """Say whether times are off a step as clocks are: for months in a row, and one way only."""
    if axis.unit != "time":
        return True
    moments = np.unique(times.values)
    off = moments - axis.origin
    off = np.round((off - np.round(off / axis.step) * axis.step) / min(CLOCKS_CHANGE))
    years = np.ptp(moments) / (365 * DAY)
    return len(np.unique(off)) <= 2 and np.count_nonzero(np.diff(off)) <= 2 + 2 * years


def distances(positions: Numbers, series: NDArray[np.int64]) -> Numbers:
    """Return how far rows are from the one before them in their series, without those that are not."""
    between = np.diff(positions)
    return between[(np.diff(series) == 0) & (between > 0)]


def most_common(values: Numbers) -> float:
    return float(Counter(values.tolist()).most_common(1)[0][0])


def decimal_origin(values: Numbers, step: float) -> float:
    """Return a position from which rounded values are whole steps away, as nearly as they can be."""
    angles = np.exp(2j * np.pi * (values - values.min()) / step)
    return float(values.min() + np.angle(angles.mean()) / (2 * np.pi) * step)


def duration(microseconds: float) -> str:
    """Name a length of time by its largest whole unit, such as 28 days or 90 minutes."""
    for size, name in DURATIONS:
        count = microseconds / size
        if count >= 1 and (abs(count - round(count)) < ROUNDING or name == "second"):
            if name == "week" and round(count) != 1:
                continue
            return f"1 {name}" if round(count) == 1 and count < 1.5 else f"{count:.6g} {name}s"
    return f"{microseconds / 1e6:.6g} seconds"
