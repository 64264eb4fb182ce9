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
from typing import Annotated, Any, Literal

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError, with_nearest
from ...setting_types import Distinct
from ..columns.suspects import point_at_nines
from ..columns.time_axis import TimeAxis
from ..columns.values import as_numbers, as_text, listed
from ..files.readings import Reading
from ..files.survey import Spelling
from ..files.table_files import column_names, read_columns
from ..lazy_polars import pl
from ..new_samples import NewSamples
from ..spec import PanelSpec
from .categories import numbers_of, require_static, stacked
from .future import future_windows, new_rows
from .gaps import last_known
from .ordering import OrderedPanel
from .windows import Rows


class Panel(OrderedPanel):
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
        codes = (*self.categoricals, *self.static)
        told = ("day_first", "decimal", "missing")
        self.spelling = Spelling(day_first, decimal, tuple(missing), codes=codes, settings=told)
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
        return (self.time, self.target, *self.reals, *self.categoricals, *self.static)

    def load(self) -> tuple[PanelSpec, Rows]:
        """Return the encoded rows.

        Raises:
            UserError: the file cannot be read, a column is not there, or the rows are no time series.
        """
        there = column_names(self.path)
        for name in self.columns:
            if name not in there:
                says = with_nearest(f"{self.path} has no column {name}.", name, there)
                raise UserError(f"{says}\nIt has: {listed(there)}")
        table, self.readings = read_columns(self.path, self.columns, self.spelling)
        point_at_nines(table[name] for name in (self.target, *self.reals))
        self.whole = [column.name for column in table if column.dtype.is_integer()]
        self.digest = hashlib.sha256(self.path.expanduser().read_bytes()).hexdigest()
        series, time, table = self.ordered(table)
        segment = self.segments(series, time)
        is_trained = time < self.boundaries(torch.from_numpy(time)).first_val

        encoded = {name: self.encode(table[name], is_trained) for name in (*self.categoricals, *self.static)}
        self.categories = {name: categories for name, (_, categories) in encoded.items()}
        for name in self.static:
            require_static(name, series, encoded[name][0], self.names)
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

    def encode(self, column: "pl.Series", is_trained: NDArray[np.bool_]) -> tuple[NDArray[np.int64], list[str]]:
        """Return the number of each row's category, and the categories of the training rows, which count from 1."""
        texts = as_text(column)
        if texts.null_count() and column.name not in self.groups:
            logger.warning("{}: {} missing values are a category of their own.", column.name, texts.null_count())
        values = texts.to_list()
        categories = sorted({value for value, trained in zip(values, is_trained, strict=True) if trained and value})
        return numbers_of(column, categories), categories

    def filled(
        self, column: "pl.Series", series: NDArray[np.int64], is_trained: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
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

    def read_inputs(self, source: Path, spec: PanelSpec) -> NewSamples:
        """Return a window for each series of a file, and the rows that they forecast."""
        table = new_rows(self, source)
        windows, rows = future_windows(table, self, spec, source)
        return NewSamples(table.height, [(tuple(windows[:-1]), rows)], table.select(*self.groups, self.time))

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint keeps: which file was trained on, and what new rows are encoded with."""
        encoding = {"categories": self.categories, "means": self.means, "axis": asdict(self.axis)}
        readings = {name: asdict(reading) for name, reading in self.readings.items()}
        return {"digest": self.digest, "readings": readings, "whole": self.whole, **encoding}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what new rows are encoded with; refuse a file that is not the one that was trained on."""
        if self.digest and self.digest != state_dict["digest"]:
            raise UserError(f"{self.path} has changed since this run was trained: its parts are no longer the same.")
        self.categories, self.means = state_dict["categories"], state_dict["means"]
        self.axis = TimeAxis(**state_dict["axis"])
        self.readings = {name: Reading.from_state(state) for name, state in state_dict["readings"].items()}
        self.whole = state_dict["whole"]
