"""The windows of new rows of a panel: for each series its past, and the rows that follow, whose target is not known."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray

from ..mistakes import UserMistake, nearest
from .columns import as_numbers, listed
from .panel import Panel, numbers_of, stacked
from .spec import PanelSpec
from .windows import Rows, Windows, windows_at

if TYPE_CHECKING:
    from polars import DataFrame


def future_windows(
    table: "DataFrame", panel: Panel, spec: PanelSpec, source: Path
) -> tuple[Windows, NDArray[np.int64]]:
    """Return a window for each series: the E rows up to its last target, and the H rows after it.

    Args:
        table: rows in any order, with the columns that were trained on.
        panel: the data set that was trained on, with the state of its checkpoint.
        spec: of the panel.
        source: the file, for messages.

    Returns:
        The windows (B, ...), in the units of the data, and the rows of the table (B, H) that are forecast. Series
        without enough rows have no window, which is said.

    Raises:
        UserMistake: a column is not there, or no series has enough rows.
    """
    import polars

    for name in (panel.time, panel.target, *panel.reals, *panel.categoricals, *panel.static):
        if name not in table.columns:
            raise UserMistake(f"input={source} has no column {name!r}. {nearest(name, table.columns)}")
    order = table.select(polars.arg_sort_by(*panel.groups, panel.time)).to_series()
    table = table[order]
    names, series = panel.series_of(table)
    time = panel.steps(table[panel.time], series)
    has_target = np.isfinite(as_numbers(table[panel.target]))

    starts, left_out = [], []
    for number in np.unique(series):
        rows = np.flatnonzero(series == number)
        known = rows[has_target[rows]]
        start = int(known[-1]) - spec.encoder_length + 1 if len(known) else -1
        window = np.arange(start, start + spec.encoder_length + spec.decoder_length)
        fits = rows[0] <= start and window[-1] <= rows[-1]
        if fits and (np.diff(time[window]) == 1).all() and has_target[window[: spec.encoder_length]].all():
            starts.append(start)
        else:
            left_out.append(names[rows[0]])
    needed = (
        f"a series needs {spec.encoder_length} rows with {panel.target} and then {spec.decoder_length} without, "
        "one for each step of time"
    )
    if not starts:
        raise UserMistake(f"input={source}: {needed}. None of {len(left_out)} series has them.")
    if left_out:
        logger.warning("Not forecast: {}: {}.", listed(left_out, 5), needed)

    reals = [panel.carried_on(name, as_numbers(table[name]), series) for name in panel.reals]
    codes = {name: numbers_of(table[name], panel.categories[name]) for name in (*panel.categoricals, *panel.static)}
    encoded = Rows(
        series=torch.from_numpy(series),
        time=torch.from_numpy(time),
        reals=torch.from_numpy(np.stack([*reals, as_numbers(table[panel.target])], axis=1)),
        categoricals=stacked([codes[name] for name in panel.categoricals], len(time)),
        static=stacked([codes[name] for name in panel.static], len(time)),
    )
    future = np.array(starts)[:, None] + spec.encoder_length + np.arange(spec.decoder_length)
    return windows_at(torch.tensor(starts), encoded, spec), order.to_numpy().astype(np.int64)[future]
