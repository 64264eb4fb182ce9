"""Signals in long tables: a row for each position of a signal."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..columns.names import require_columns
from ..columns.roles import is_nameless
from ..columns.values import as_numbers, as_text, is_text, listed
from ..files.readings import Reading
from ..files.survey import Spelling
from ..files.table_files import read_as, read_columns
from ..lazy_polars import pl
from .arrays import Numbers, Roles, SignalArrays, finite

LONG = 1.5  # times the usual step: more is said


def from_table(path: Path, roles: Roles, key: str, readings: Mapping[str, Reading] | None) -> SignalArrays:
    """Return the signals of a long table.

    Raises:
        UserError: a column is not there or holds something else, or a signal has two values at a position.
    """
    if roles.series is None:
        raise UserError(
            f"{key}={path} is a table: data.series= names the column that says which signal a row is of. If a row is a "
            "whole signal: np.savez('signals.npz', X=values, y=labels)"
        )
    if readings:
        table = read_as(path, readings, key)
    else:
        table, found = read_columns(path, None, Spelling(codes=(roles.series,), settings=()), key)
        readings = found
    others = [name for name in roles.others if name in table.columns]  # new signals have no target
    require_columns((one for one in roles.named if one[0] != "target"), table.columns, path)
    taken = {roles.series, roles.position, *roles.others}
    numbers = [one.name for one in table if one.name not in taken and one.dtype.is_numeric()]
    channels = roles.channels or tuple(name for name in numbers if not is_nameless(name))
    if not channels:
        raise UserError(f"{path} has no column of numbers left for a channel: data.channels=[x,y] names them")
    series = in_order(table[roles.series], "data.series")
    order = np.argsort(series, kind="stable")
    if roles.position is not None:
        order = np.lexsort((places(table[roles.position], path), series))
    series = series[order]
    starts = np.flatnonzero(np.diff(series, prepend=-1))
    if roles.position is not None:
        look_at_steps(table[roles.position], table[roles.series], order, starts)
    steps = np.arange(len(series)) - np.repeat(starts, np.diff(starts, append=len(series)))
    values = np.full((len(starts), int(steps.max()) + 1, len(channels)), np.nan)
    for k, name in enumerate(channels):
        if is_text(table[name]):
            raise UserError(
                f"data.channels: {name} holds text such as {table[name].drop_nulls().first()!r}, no numbers"
            )
        values[series, steps, k] = as_numbers(table[name], f"{key}={path}", readings.get(name))[order]
    names = table[roles.series][order[starts].tolist()]
    columns = names.to_frame().with_columns(
        [the_same(table[name], series, order, names) for name in others if name != roles.series]
    )
    return SignalArrays(finite(values), tuple(channels), columns, dict(readings))


def in_order(column: "pl.Series", setting: str) -> NDArray[np.int64]:
    """Return the number of the series of each row (rows,), counted in the order in which they first occur.

    Raises:
        UserError: a row has none.
    """
    texts = as_text(column) if is_text(column) else column.cast(pl.String)
    missing = texts.is_null().arg_true()
    if len(missing):
        raise UserError(f"{setting}={column.name}: row {missing[0] + 1} has no value, so it is of no signal")
    _, first, numbers = np.unique(texts.to_numpy().astype(str), return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[numbers].astype(np.int64)


def places(column: "pl.Series", path: Path) -> Numbers:
    """Return positions as numbers (rows,).

    Raises:
        UserError: they are texts, or one is missing.
    """
    if is_text(column):
        raise UserError(f"data.position={column.name} of {path} holds text such as {column[0]!r}, not numbers or times")
    numbers = as_numbers(column)
    missing = np.flatnonzero(~np.isfinite(numbers))
    if len(missing):
        raise UserError(f"data.position={column.name}: row {missing[0] + 1} has no value")
    return numbers


def look_at_steps(
    positions: "pl.Series", names: "pl.Series", order: NDArray[np.int64], starts: NDArray[np.int64]
) -> None:
    """Look at the distances between the positions of each signal, and say if they are uneven.

    `order` is that in which rows are sorted, and `starts` are the places of the first of each signal in it.
    """
    steps = np.diff(as_numbers(positions)[order])
    within = np.ones(len(steps), bool)
    within[starts[1:] - 1] = False
    same = np.flatnonzero(within & (steps == 0))
    if len(same):
        row = int(order[same[0]])
        raise UserError(f"data.position={positions.name}: signal {names[row]} has two rows at {positions[row]}")
    inner = steps[within]
    if len(inner) and inner.max() > LONG * np.median(inner):
        logger.warning(
            "{} of {} steps of {} are longer than the usual {:.4g}: its rows are taken one after the other",
            int((inner > LONG * np.median(inner)).sum()),
            len(inner),
            positions.name,
            float(np.median(inner)),
        )


def the_same(
    column: "pl.Series", series: NDArray[np.int64], order: NDArray[np.int64], names: Sequence[Any]
) -> "pl.Series":
    """Return the value of each signal in a column that is the same in all of its rows that have one."""
    values = as_text(column) if is_text(column) else column
    table = pl.DataFrame({"series": series, column.name: values[order.tolist()]}).drop_nulls()
    found = table.group_by("series").agg(pl.col(column.name).n_unique().alias("values"), pl.col(column.name).first())
    torn = found.filter(pl.col("values") > 1)
    if torn.height:
        some = table.filter(pl.col("series") == torn["series"][0])[column.name].unique(maintain_order=True)
        raise UserError(
            f"{column.name} must be the same in all rows of a signal, and signal {names[torn['series'][0]]} has "
            f"{listed(list(map(str, some)), 3)}"
        )
    every = pl.DataFrame({"series": np.arange(len(names))})
    return every.join(found, on="series", how="left", maintain_order="left")[column.name]
