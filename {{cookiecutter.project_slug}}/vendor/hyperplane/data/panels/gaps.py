"""Gaps of a panel that are filled on request: rows of time that are not there, and targets that are missing.

A gap shorter than the encoder, between two values of a series, takes the last value before it: no later one, which
would tell the past what comes. What a row of the file says of other columns stays.
"""

import numpy as np
from numpy.typing import NDArray

from ..lazy_polars import pl


def rows_to_fill(
    series: NDArray[np.int64], time: NDArray[np.int64], has_target: NDArray[np.bool_], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the rows of series whose gaps are filled; those without target outside of such gaps are left out.

    Series (rows,) are in order, and no two steps of one are the same. A gap of more than `most` steps is not filled.

    Returns:
        For each row its number, for new ones that of the row before it; its step; whether it is new; and whether its
        target is missing.
    """
    known = np.flatnonzero(has_target)
    between = np.diff(time[known]) - 1
    fills = (np.diff(series[known]) == 0) & (between <= most)
    rows, steps = [], []
    for number, first in enumerate(known):
        rows.append(np.array([first]))
        steps.append(time[first : first + 1])
        if number < len(fills) and fills[number] and between[number]:
            ahead = np.arange(time[first] + 1, time[known[number + 1]])
            rows.append(first + np.searchsorted(time[first : known[number + 1]], ahead, side="right") - 1)
            steps.append(ahead)
    row, step = np.concatenate(rows), np.concatenate(steps)
    return row, step, time[row] != step, ~has_target[row] | (time[row] != step)


def without_values(table: "pl.DataFrame", is_new: NDArray[np.bool_], kept: list[str]) -> "pl.DataFrame":
    """Return a table whose new rows hold nothing but the columns `kept`."""
    new = pl.Series(is_new)
    others = [name for name in table.columns if name not in kept]
    return table.with_columns(pl.when(~new).then(pl.col(name)).alias(name) for name in others)


def last_known(values: NDArray[np.float64], is_missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return values whose missing ones are the last before them; the first of a series is not missing."""
    return values[np.maximum.accumulate(np.where(is_missing, 0, np.arange(len(values))))]
