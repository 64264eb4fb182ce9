"""The rows of a panel file in order: the series and the step of time of each, gaps, and what is wrong with them."""

from pathlib import Path

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..columns.time_axis import DAY, TimeAxis, duration, most_common, recognise
from ..columns.times import Times, read_times
from ..columns.values import as_numbers, as_text, is_text
from ..lazy_polars import pl
from .datamodule import PanelDataModule
from .gaps import rows_to_fill, without_values


class OrderedPanel(PanelDataModule):
    """Orders the rows of a table by series and time; the subclass says which columns these are."""

    path: Path
    time: str
    target: str
    groups: tuple[str, ...]
    static: tuple[str, ...]
    fill: bool
    axis: TimeAxis  # on which the times lie

    def ordered(self, table: "pl.DataFrame") -> tuple[NDArray[np.int64], NDArray[np.int64], "pl.DataFrame"]:
        """Return the number of the series and of the time step of each row that has a target, and these rows, in order.

        With `fill` there are rows without one: those that `is_filled` marks.

        Raises:
            UserError: the times are no times, uneven, or twice in a series.
        """
        present = np.isfinite(as_numbers(table[self.target]))
        if not present.all():
            logger.warning("{} of {} rows have no {}: gaps.", (~present).sum(), table.height, self.target)
        if not present.any():
            raise UserError(f"data.target={self.target}: no row of {self.path} has a value there")
        table = table if self.fill else table.filter(present)
        order, names, series = self.series_of(table)
        times = read_times(table[self.time][order], f"data.time={self.time}")
        axis = recognise(times, series)
        if axis is None:
            raise self.uneven(times, table[self.time][order], series, names)
        self.axis = axis
        logger.info("{}: a step of {} is {}", self.path, self.time, axis)
        time, _ = axis.place(times)
        in_time = np.lexsort((time, series))
        self.moments = times.values[in_time].astype("datetime64[us]") if times.are_dates else times.values[in_time]
        table, series, time = table[order[in_time]], series[in_time], time[in_time]
        self.names = [names[row] for row in in_time]
        twice = np.flatnonzero((np.diff(time) == 0) & (np.diff(series) == 0))
        if len(twice):
            row = int(twice[0])
            raise UserError(
                f"{self.path} has two rows for {self.names[row]} at {self.time}={table[self.time][row]}. "
                f"{why_twice(table, row, times)}"
            )
        if self.fill:
            series, time, table = self.without_gaps(series, time, table)
        return series, time - time.min(), table

    def without_gaps(
        self, series: NDArray[np.int64], time: NDArray[np.int64], table: "pl.DataFrame"
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], "pl.DataFrame"]:
        """Return what `ordered` returns, with rows in the gaps that are shorter than the encoder."""
        has_target = np.isfinite(as_numbers(table[self.target]))
        row, step, is_new, self.is_filled = rows_to_fill(series, time, has_target, self.encoder_length - 1)
        logger.info("{} of {} rows are filled: {} takes the last value.", self.is_filled.sum(), len(row), self.target)
        assert self.moments is not None
        self.moments = self.moments[row]  # new rows are in no figure's forecast, so theirs may be those before
        self.names = [self.names[number] for number in row]
        return series[row], step, without_values(table[row], is_new, [self.time, *self.static])

    def series_of(self, table: "pl.DataFrame") -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
        """Return an order of the rows by series, and the name and the number of the series of each row in this order.

        Text is compared without the blanks around it, as categories are. What differs in any group column is another
        series, also where the names read the same one after the other: (New, York A) and (New York, A).
        """
        if not self.groups:
            return np.arange(table.height), [self.target] * table.height, np.zeros(table.height, np.int64)
        keys = table.select(*self.groups)
        keys = keys.with_columns(as_text(column) for column in keys if is_text(column))
        order = keys.with_row_index("row of the file").sort(*self.groups, maintain_order=True)["row of the file"]
        rows = keys[order].rows()
        without = sum(any(value is None for value in row) for row in rows)
        if without:
            logger.warning("{} rows have no {}: series of their own.", without, " or no ".join(self.groups))
        names = [" / ".join(str(value) for value in row) for row in rows]
        series = np.cumsum([0, *(a != b for a, b in zip(rows[1:], rows[:-1], strict=True))])
        return order.to_numpy().astype(np.int64), names, series

    def uneven(self, times: Times, column: "pl.Series", series: NDArray[np.int64], names: list[str]) -> UserError:
        """Return what to say about times, in the order of the series, that have no common step: with an example."""
        order = np.lexsort((times.values, series))
        values, of = times.values[order], series[order]
        between = np.where((np.diff(of) == 0) & (np.diff(values) > 0), np.diff(values), 0)
        usual = most_common(between[between > 0])
        wrong = int(np.argmax(np.abs(between / usual - np.round(between / usual))))
        before, after = order[wrong], order[wrong + 1]
        as_length = duration if times.are_dates else "{:.6g}".format
        return UserError(
            f"data.time={self.time}: the steps are uneven. Most are {as_length(usual)}, but in {names[before]} "
            f"{column[int(after)]} follows {column[int(before)]}, {as_length(float(between[wrong]))} later. "
            "Resample the series to even steps."
        )

    def segments(self, series: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the number of the gapless stretch of each row; say how many gaps and how many short ones there are."""
        new_series = np.diff(series) != 0
        gaps = ~new_series & (np.diff(time) > 1)
        segment = np.concatenate([[0], np.cumsum(new_series | gaps)])
        lengths = np.bincount(segment)
        short = int((lengths < self.encoder_length + self.decoder_length).sum())
        logger.info("{}: {} series, {} rows, {} time steps", self.path, series[-1] + 1, len(time), np.ptp(time) + 1)
        if gaps.any():
            spanned = f" {gaps.sum()} gap{'s' * int(gaps.sum() > 1)} in time: no window spans one."
            self.remedy = "" if self.fill else f"{spanned} data.fill=true fills those shorter than a past."
            logger.warning("{}", (self.remedy or spanned).strip())
        if short:
            needed = f"{self.encoder_length} + {self.decoder_length}"
            logger.warning("{} of {} stretches are shorter than {} steps, left out.", short, len(lengths), needed)
        first = np.flatnonzero(np.concatenate([[True], new_series | gaps]))
        self.series_names = tuple(self.names[row] for row in first)
        return segment


def why_twice(table: "pl.DataFrame", row: int, times: Times) -> str:
    """Return what two rows of one series and time may come from, and what to do."""
    if table.row(row) == table.row(row + 1):
        return "They are the same: leave one out."
    groups = "data.groups= names the columns that tell series apart."
    if not times.are_dates or not (times.values % DAY).any():
        return groups
    return f"{groups} Where clocks are put back an hour comes twice: write times with their offset, or in UTC."
