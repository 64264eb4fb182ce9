"""Your own panel: several time series in a CSV or Parquet file, one row for each series and step of time.

time                   dates, times or numbers, see `times.py`; what a step is follows from them, see `time_axis.py`
gaps                   no window spans one; a row without target counts as a gap. With `fill` the past of a window may
                       hold short ones, see `gaps.py`, marked in one more observed variable; targets are always measured
missing real values    the last value before, in the same series; at its start the mean of the training rows
categories             those of the training rows; missing ones, and those that occur later only, are a category
                       of their own
"""

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError, nearest
from ...setting_types import Distinct
from ..columns.time_axis import TimeAxis, duration, most_common, recognise
from ..columns.times import Times, read_times
from ..columns.values import as_numbers, as_text, is_text, listed
from ..files.readings import Reading
from ..files.survey import Spelling
from ..files.table_files import column_names, read_columns
from ..new_samples import NewSamples
from ..spec import PanelSpec
from .categories import numbers_of, stacked
from .future import future_windows, new_rows
from .gaps import last_known, rows_to_fill, without_values
from .windows import PanelDataModule, Rows

if TYPE_CHECKING:
    from polars import DataFrame, Series


class Panel(PanelDataModule):
    """Series of a file, told apart by their group columns, which are static categories as well.

    A column has one role only: the past of the target is always an input.
    """

    reads_inputs = True
    file_settings = ("path",)

    def __init__(
        self,
        *,
        path: str,  # the file: .csv, .csv.gz, .tsv or .parquet
        time: str,  # the column with dates, times, months, years or numbers, which orders the rows of a series
        target: str,  # the column to forecast
        groups: tuple[str, ...] = (),  # columns that together name a series; none: the file holds one
        known_reals: tuple[str, ...] = (),  # numbers that are known in advance, such as prices
        known_categoricals: tuple[str, ...] = (),  # categories that are known in advance, such as holidays
        observed_reals: tuple[str, ...] = (),  # numbers that are known when they happen
        observed_categoricals: tuple[str, ...] = (),  # categories that are known when they happen
        # Categories that never change within a series, besides the groups
        static_categoricals: Annotated[
            tuple[str, ...],
            Distinct(
                ("time", "target", "known_reals", "known_categoricals", "observed_reals", "observed_categoricals")
            ),
        ] = (),
        # Whether 02/01/2024 is 2 January; null: as the column itself says, and asked for where it does not
        day_first: bool | None = None,
        # Which mark separates decimals where 1,234 may be either number; null: as other values of the file say
        decimal: Literal["point", "comma"] | None = None,
        missing: tuple[str, ...] = (),  # what stands for a missing value, besides NA, nan, null and the like
        fill: bool = False,  # gaps in the past of a window take the last value before, and a variable marks them
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.path = Path(path)
        self.time = time
        self.target = target
        self.groups = tuple(groups)
        self.reals = (*known_reals, *observed_reals)
        self.categoricals = (*known_categoricals, *observed_categoricals)
        self.static = tuple(dict.fromkeys([*groups, *static_categoricals]))
        self.num_known = len(known_reals), len(known_categoricals)
        self.spelling = Spelling(day_first, decimal, tuple(missing))
        self.fill = fill
        self.marks = (f"{target} is filled",) if fill else ()  # one more observed variable
        self.digest = ""  # of the file
        self.readings: dict[str, Reading] = {}  # of the columns of a CSV file
        self.whole: list[str] = []  # columns of whole numbers
        self.categories: dict[str, list[str]] = {}  # of the training rows, which count from 1
        self.means: dict[str, float] = {}  # of the training rows
        self.axis = TimeAxis("number")  # on which the times lie, as `load` finds it

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that are read."""
        return (self.time, self.target, *self.reals, *self.categoricals, *self.static)

    def load(self) -> tuple[PanelSpec, Rows]:
        """Return the encoded rows.

        Raises:
            UserError: the file cannot be read, a column is not there, or the rows are no time series.
        """
        there = column_names(self.path)
        for name in self.columns:
            if name not in there:
                raise UserError(f"{self.path} has no column {name}. {nearest(name, there)}\nIt has: {listed(there)}")
        table, self.readings = read_columns(self.path, self.columns, self.spelling)
        self.whole = [column.name for column in table if column.dtype.is_integer()]
        self.digest = hashlib.sha256(self.path.expanduser().read_bytes()).hexdigest()
        series, time, table = self.ordered(table)
        segment = self.segments(series, time)
        is_trained = time < self.boundaries(torch.from_numpy(time))[0]

        encoded = {name: self.encode(table[name], is_trained) for name in (*self.categoricals, *self.static)}
        self.categories = {name: categories for name, (_, categories) in encoded.items()}
        for name in self.static:
            self.require_static(name, series, encoded[name][0])
        reals = [self.filled(table[name], series, is_trained) for name in self.reals]
        values = as_numbers(table[self.target])
        if self.is_filled is not None:
            reals.append(self.is_filled.astype(np.float64))
            values = last_known(values, self.is_filled)
        rows = Rows(
            series=torch.from_numpy(segment),
            time=torch.from_numpy(time),
            reals=torch.from_numpy(np.stack([*reals, values], axis=1)),
            categoricals=stacked([encoded[name][0] for name in self.categoricals], len(time)),
            static=stacked([encoded[name][0] for name in self.static], len(time)),
        )
        known_reals, known_categoricals = self.num_known
        return PanelSpec(
            encoder_length=self.encoder_length,
            decoder_length=self.decoder_length,
            quantiles=self.quantiles,
            target=self.target,
            static_categoricals=self.static,
            known_reals=self.reals[:known_reals],
            known_categoricals=self.categoricals[:known_categoricals],
            observed_reals=(*self.reals[known_reals:], *self.marks),
            observed_categoricals=self.categoricals[known_categoricals:],
            cardinalities={name: len(categories) + 1 for name, (_, categories) in encoded.items()},
        ), rows

    def ordered(self, table: "DataFrame") -> tuple[NDArray[np.int64], NDArray[np.int64], "DataFrame"]:
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
            raise UserError(
                f"{self.path} has two rows for {self.names[twice[0]]} at {self.time}={table[self.time][int(twice[0])]}."
                " data.groups= names the columns that tell series apart."
            )
        if self.fill:
            series, time, table = self.without_gaps(series, time, table)
        return series, time - time.min(), table

    def without_gaps(
        self, series: NDArray[np.int64], time: NDArray[np.int64], table: "DataFrame"
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], "DataFrame"]:
        """Return what `ordered` returns, with rows in the gaps that are shorter than the encoder."""
        has_target = np.isfinite(as_numbers(table[self.target]))
        row, step, is_new, self.is_filled = rows_to_fill(series, time, has_target, self.encoder_length - 1)
        logger.info("{} of {} rows are filled: {} takes the last value.", self.is_filled.sum(), len(row), self.target)
        assert self.moments is not None
        self.moments = self.moments[row]  # new rows are in no figure's forecast, so theirs may be those before
        self.names = [self.names[number] for number in row]
        return series[row], step, without_values(table[row], is_new, [self.time, *self.static])

    def series_of(self, table: "DataFrame") -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
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

    def uneven(self, times: Times, column: "Series", series: NDArray[np.int64], names: list[str]) -> UserError:
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
            logger.warning("{} gaps in time: no window spans one.", gaps.sum())
        if short:
            needed = f"{self.encoder_length} + {self.decoder_length}"
            logger.warning("{} of {} stretches are shorter than {} steps, left out.", short, len(lengths), needed)
        first = np.flatnonzero(np.concatenate([[True], new_series | gaps]))
        self.series_names = tuple(self.names[row] for row in first)
        return segment

    def encode(self, column: "Series", is_trained: NDArray[np.bool_]) -> tuple[NDArray[np.int64], list[str]]:
        """Return the number of each row's category, and the categories of the training rows, which count from 1."""
        texts = as_text(column)
        if texts.null_count() and column.name not in self.groups:
            logger.warning("{}: {} missing values are a category of their own.", column.name, texts.null_count())
        values = texts.to_list()
        categories = sorted({value for value, trained in zip(values, is_trained, strict=True) if trained and value})
        return numbers_of(column, categories), categories

    def filled(self, column: "Series", series: NDArray[np.int64], is_trained: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return numbers; what is missing is the last value before, or the mean of the training rows."""
        numbers = as_numbers(column)
        present = np.isfinite(numbers)
        trained = numbers[present & is_trained]
        self.means[column.name] = float(trained.mean()) if len(trained) else 0.0
        if present.all():
            return numbers
        logger.warning("{}: {} missing values take the last one before.", column.name, (~present).sum())
        return self.carried_on(column.name, numbers, series)

    def carried_on(self, name: str, numbers: NDArray[np.float64], series: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return numbers where a missing one is the last before it, at the start of a series the training mean."""
        present = np.isfinite(numbers)
        last = np.maximum.accumulate(np.where(present, np.arange(len(numbers)), -1))
        has_last = (last >= 0) & (series[last] == series)
        return np.where(has_last, numbers[last], self.means[name])

    def require_static(self, name: str, series: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Refuse a static variable that changes."""
        changes = np.flatnonzero((np.diff(series) == 0) & (np.diff(numbers) != 0))
        if len(changes):
            raise UserError(
                f"data.static_categoricals: {name} changes within {self.names[changes[0]]}. "
                "If it is known in advance it belongs to data.known_categoricals, else to data.observed_categoricals."
            )

    def read_inputs(self, source: Path, spec: PanelSpec) -> NewSamples:
        """Return a window for each series of a file, and the rows that they forecast.

        Raises:
            UserError: see `future.py`.
        """
        table = new_rows(self, source)
        windows, rows = future_windows(table, self, spec, source)
        return NewSamples(table.height, [(tuple(windows[:-1]), rows)], table.select(*self.groups, self.time))

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint keeps: which file was trained on, and what new rows are encoded with."""
        encoding = {"categories": self.categories, "means": self.means, "axis": asdict(self.axis)}
        readings = {name: asdict(reading) for name, reading in self.readings.items()}
        return {"digest": self.digest, "readings": readings, "whole": self.whole, **encoding}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what new rows are encoded with, and compare the file with the one that was trained on.

        Raises:
            UserError: it has changed since.
        """
        if self.digest and self.digest != state_dict["digest"]:
            raise UserError(f"{self.path} has changed since this run was trained: its parts are no longer the same.")
        self.categories, self.means = state_dict["categories"], state_dict["means"]
        self.axis = TimeAxis(**state_dict["axis"])
        self.readings = {name: Reading.from_state(state) for name, state in state_dict["readings"].items()}
        self.whole = state_dict["whole"]
