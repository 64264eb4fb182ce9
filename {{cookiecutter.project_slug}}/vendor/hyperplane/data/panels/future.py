"""The windows of new rows of a panel: for each series its past, and the rows that follow, whose target is not known."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError, with_nearest
from ..columns.time_axis import TimeAxis
from ..columns.times import Times, read_times
from ..columns.values import as_numbers, as_text, listed
from ..files.table_files import read_as
from ..lazy_polars import pl
from ..spec import PanelSpec
from .categories import numbers_of, stacked
from .gaps import last_known
from .windows import Rows, Windows, windows_at

if TYPE_CHECKING:
    from .panel import Panel


def new_rows(panel: "Panel", source: Path) -> "pl.DataFrame":
    """Return the rows of a file, read as those that a panel was trained on."""
    table = read_as(source, panel.readings, "input")
    used = [table[name] for name in panel.whole if name in table.columns]
    whole = [column.name for column in used if column.dtype.is_float() and (column.drop_nulls() % 1 == 0).all()]
    return table.cast(dict.fromkeys(whole, pl.Int64))


def future_windows(
    table: "pl.DataFrame", panel: "Panel", spec: PanelSpec, source: Path
) -> tuple[Windows, NDArray[np.int64]]:
    """Return a window for each series: the E rows up to its last target, and the H rows after it.

    The rows may be in any order; `panel` has the state of its checkpoint.

    Returns:
        The windows (B, ...), in the units of the data, and the rows of the table (B, H) that are forecast. Series
        without enough rows have no window, which is said.

    Raises:
        UserError: a column is not there, or no series has enough rows.
    """
    for name in panel.columns:
        if name not in table.columns:
            raise UserError(with_nearest(f"input={source} has no column {name!r}.", name, table.columns))
    order, names, series, time = placed(table, panel, source)
    table = table[order]
    has_target = np.isfinite(as_numbers(table[panel.target]))

    starts, left_out, horizon = [], [], spec.decoder_length
    for rows in np.split(np.arange(len(series)), np.flatnonzero(np.diff(series)) + 1):
        known = rows[has_target[rows]]
        start = int(known[-1]) - spec.encoder_length + 1 if len(known) else -1
        window = np.arange(start, start + spec.encoder_length + spec.decoder_length)
        fits = rows[0] <= start and window[-1] <= rows[-1]
        past_known = has_target[rows[0] : start + 1].any() if panel.fill else has_target[window[:-horizon]].all()
        if fits and (np.diff(time[window]) == 1).all() and past_known:
            starts.append(start)
        else:
            left_out.append(names[rows[0]])
    needed = (
        f"a series needs {spec.encoder_length} rows with {panel.target} and then {spec.decoder_length} without, "
        "one for each step of time"
    )
    if not starts:
        raise UserError(f"input={source}: {needed}. None of {len(left_out)} series has them.")
    if left_out:
        logger.warning("Not forecast: {}: {}.", listed(left_out, 5), needed)

    past = np.array(starts)[:, None] + np.arange(spec.encoder_length)
    future = past[:, -1:] + 1 + np.arange(spec.decoder_length)
    numbers = {name: as_numbers(table[name], f"input={source}", panel.readings.get(name)) for name in panel.reals}
    codes = {name: numbers_of(table[name], panel.categories[name]) for name in (*panel.categoricals, *panel.static)}
    missing = {name: ~np.isfinite(values) for name, values in numbers.items()}
    missing |= {name: as_text(table[name]).is_null().to_numpy() for name in codes}
    for name, is_missing in missing.items():
        is_known = name in (*spec.known_reals, *spec.known_categoricals)
        filling = "take the last one before" if name in numbers else "are a category of their own"
        ahead = future[is_missing[future]] if is_known else future[:0, 0]
        if is_missing[past].any() or len(ahead):
            count = is_missing[past].sum() + len(ahead)
            logger.warning("{}: {} missing values {}.{}", name, count, filling, where(ahead, table[panel.time], names))
    reals = [panel.carried_on(name, values, series) for name, values in numbers.items()]
    values = as_numbers(table[panel.target], f"input={source}", panel.readings.get(panel.target))
    if panel.fill:
        reals.append((~has_target).astype(np.float64))
        values = last_known(values, ~has_target)
    encoded = Rows(
        series=torch.from_numpy(series),
        time=torch.from_numpy(time),
        reals=torch.from_numpy(np.stack([*reals, values], axis=1)),
        categoricals=stacked([codes[name] for name in panel.categoricals], len(time)),
        static=stacked([codes[name] for name in panel.static], len(time)),
    )
    return windows_at(torch.tensor(starts), encoded, spec), order[future]


def where(ahead: NDArray[np.int64], times: "pl.Series", names: list[str]) -> str:
    """Say which rows that are to be forecast miss a value that should be known in advance, with an example."""
    if not len(ahead):
        return ""
    row = int(ahead[0])
    return f" {len(ahead)} of them should be known in advance, such as that of {names[row]} at {times[row]}: give them."


def following(times: Times, axis: TimeAxis) -> int:
    """Return how many times lie on a step, 0 if none does, and the more the more of them follow each other."""
    steps, fits = axis.place(times)
    return int(fits.any() and fits.sum() + (np.diff(steps) == 1).sum())


def placed(
    table: "pl.DataFrame", panel: "Panel", source: Path
) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Return an order of the rows by series and time, and in this order names and numbers of series, and time steps.

    Raises:
        UserError: the rows are not as far apart as those that were trained on.
    """
    order, names, series = panel.series_of(table)
    key = f"input={source}: column {panel.time!r}"
    times = read_times(table[panel.time][order], key, lambda times: following(times, panel.axis))
    time, fits = panel.axis.place(times)
    in_time = np.lexsort((time, series))
    order, series, time, fits = order[in_time], series[in_time], time[in_time], fits[in_time]
    names = [names[row] for row in in_time]
    trained = f"This run was trained on steps of {panel.axis}"
    if not fits.all():
        row = int(np.flatnonzero(~fits)[0])
        example = table[panel.time][int(order[row])]
        raise UserError(f"input={source}: {trained}, and {panel.time}={example} of {names[row]} falls between them.")
    same = np.diff(series) == 0
    twice = np.flatnonzero(same & (np.diff(time) == 0))
    if len(twice):
        row = int(twice[0])
        example = table[panel.time][int(order[row])]
        raise UserError(
            f"input={source} has two rows for {names[row]} in the step of {panel.time}={example}. {trained}."
        )
    between = np.diff(time)[same]
    if len(between) and between.min() > 1:
        row = int(np.flatnonzero(same)[0])
        first, second = (table[panel.time][int(order[one])] for one in (row, row + 1))
        raise UserError(
            f"input={source}: {trained}, and no two of these rows follow each other so: in {names[row]} {second} comes "
            f"{between[0]} steps after {first}. Give a row for each step."
        )
    return order, names, series, time
