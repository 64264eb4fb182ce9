"""Signals in memory: values (samples, positions, channels), NaN beyond the end of each, and what is missing in them."""

from typing import NamedTuple

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..files.readings import Reading
from ..lazy_polars import pl

MARK = "is filled"  # the channel that marks filled positions
Numbers = NDArray[np.float64]


class Roles(NamedTuple):
    """Which columns of a long table, or arrays of an archive, are what."""

    series: str | None
    position: str | None
    channels: tuple[str, ...]  # empty: all other columns of numbers
    others: tuple[str, ...]  # one value for each signal, such as its target

    @property
    def named(self) -> list[tuple[str, str]]:
        """The columns of a table that a setting names, each with the setting."""
        singles = (("series", self.series), ("position", self.position))
        given = [(key, name) for key, name in singles if name is not None]
        return [*given, *(("channels", name) for name in self.channels), *(("target", name) for name in self.others)]


class SignalArrays(NamedTuple):
    """What a file holds."""

    values: Numbers  # (samples, positions, channels), NaN where there is none
    channels: tuple[str, ...]
    columns: "pl.DataFrame"  # a row for each signal: its name, its target
    readings: dict[str, Reading]  # of the columns of a CSV file

    @property
    def lengths(self) -> NDArray[np.int64]:
        """The positions of each signal (samples,)."""
        return lengths_of(self.values)


def lengths_of(values: Numbers) -> NDArray[np.int64]:
    """Return how many positions signals (samples, positions, channels) have (samples,); 0 where all is NaN."""
    is_real = np.logical_not(np.isnan(values).all(axis=2))
    return np.where(is_real.any(axis=1), is_real.shape[1] - is_real[:, ::-1].argmax(axis=1), 0)


def numbered(channels: int) -> tuple[str, ...]:
    """Return names for channels that have none."""
    return tuple(f"channel {number + 1}" for number in range(channels))


def finite(values: Numbers) -> Numbers:
    """Return values, NaN where they are infinite: no measurement either."""
    return np.where(np.isfinite(values), values, np.nan)


def padded(values: Numbers, positions: int) -> Numbers:
    """Return signals with so many positions, at least as many as they have; those that are added are NaN."""
    return np.pad(values, ((0, 0), (0, positions - values.shape[1]), (0, 0)), constant_values=np.nan)


def without_gaps(values: Numbers, channels: tuple[str, ...], fill: bool, what: str) -> Numbers:
    """Return signals in which nothing is missing before their end.

    Values are (samples, positions, channels). With `fill` a missing one takes the last one before it, or where there is
    none the first one after it, and one more channel of 0 and 1 marks the positions. A channel without any value is 0.

    Raises:
        UserError: something is missing, and is not to be filled.
    """
    is_real = np.arange(values.shape[1]) < lengths_of(values)[:, None]
    missing = np.isnan(values) & is_real[..., None]
    if missing.any():
        sample, position, channel = np.argwhere(missing)[0]
        said = (
            f"{what}: {int(missing.sum())} values of {int(is_real.sum()) * len(channels)} are missing, in "
            f"{int(missing.any(axis=(1, 2)).sum())} of {len(values)} signals; the first is in signal {sample + 1}, "
            f"position {position + 1}, {channels[channel]}"
        )
        if not fill:
            raise UserError(
                f"{said}.\n"
                "data.fill=true gives them the last value before, and marks them in one more channel; or leave these "
                "signals out"
            )
        logger.warning("{}. They take the last value before.", said)
    if not fill:
        return values
    marks = np.where(is_real, missing.any(axis=2), np.nan)
    filled = forwards(forwards(values)[:, ::-1])[:, ::-1]  # what has no value before takes the one after
    return np.concatenate([np.where(is_real[..., None], np.nan_to_num(filled), np.nan), marks[..., None]], axis=2)


def forwards(values: Numbers) -> Numbers:
    """Return values (samples, positions, channels), each NaN the last number before it."""
    steps = np.arange(values.shape[1])[:, None]
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, steps), axis=1)
    return np.take_along_axis(values, last, axis=1)
