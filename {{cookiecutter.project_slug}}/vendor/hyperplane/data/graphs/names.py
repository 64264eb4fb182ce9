"""Names of nodes: which node an end of an edge stands for, however a program has written it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..columns.values import as_text, is_text
from ..lazy_polars import pl


def texts_of(column: "pl.Series") -> "pl.Series":
    """Return ids as texts; whole numbers are the same with and without a decimal point."""
    if column.dtype.is_float() and (column.drop_nulls() % 1 == 0).all():
        column = column.cast(pl.Int64)
    return as_text(column) if is_text(column) else column.cast(pl.String)


def numbers_of(ends: "pl.Series", names: Sequence[str]) -> NDArray[np.int64]:
    """Return the places among names that ends of edges stand for (edges,), −1 where they are unknown.

    Programs drop the zeros in front of 007, or write 7.0: such an end is the node whose number that is, if it is one.
    """
    number = {name: place for place, name in enumerate(names)}
    found = ends.replace_strict(number, default=-1, return_dtype=pl.Int64).fill_null(-1).to_numpy()
    plain = dict(zip(as_plain(pl.Series(names)), number.values(), strict=True))
    if (found >= 0).all() or len(plain) < len(names):  # two nodes would have the same number
        return found
    return np.where(
        found >= 0, found, as_plain(ends).replace_strict(plain, default=-1, return_dtype=pl.Int64).fill_null(-1)
    )


def as_plain(names: "pl.Series") -> "pl.Series":
    """Return numbers without zeros in front and behind the decimal point; other texts stay."""
    return names.str.replace(r"^0+(\d+)(\.0+)?$", "${1}").str.replace(r"^(\d+)\.0+$", "${1}")
