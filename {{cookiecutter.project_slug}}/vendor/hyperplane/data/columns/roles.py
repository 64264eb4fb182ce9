"""Columns of a table that are not predicted and not predicted from: weight, group and number of each row."""

import re
from collections.abc import Iterable

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError, override
from ..lazy_polars import pl
from .values import as_numbers, as_text, is_text

# What pandas and R call a column that has no name; it may number the rows of each file that was joined
NO_NAME = re.compile(r"unnamed: ?\d+(\.\d+)*|__index_level_\d+__|\.\.\.\d+", re.IGNORECASE)
# What programs and people call a column that tells rows apart: id, PassengerId, row_number
NAMES_ROWS = re.compile(
    r"(level_\d+|index|idx|id|row ?(id|no|nr|num|number|index|name)?s?|serial ?(no|number)?|obs"
    r"|observation|record|no\.?|nr\.?|#|.*[_ .-](id|index|idx|row|no|nr))|(?-i:.*[a-z]I[dD])",
    re.IGNORECASE,
)

NUMBERED = "a column without a name: the row numbers of whatever wrote the file"


def weights_of(column: "pl.Series", is_used: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the weight of each row that is used (samples,).

    `is_used` says which rows have a target (rows,).

    Raises:
        UserError: one is missing, negative or no number.
    """
    if is_text(column) or column.dtype.is_temporal():
        raise UserError(f"data.weights={column.name} must hold numbers; it holds {column.dtype}: {column[0]!r}")
    with np.errstate(over="ignore"):
        weights = as_numbers(column).astype(np.float32)
    wrong = np.flatnonzero(is_used & ~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        raise UserError(
            f"data.weights={column.name}: row {wrong[0] + 1} has {column[int(wrong[0])]!r}; a weight is a number of at "
            "least 0, which says how much the row counts in the loss"
        )
    return weights[is_used]


def groups_of(column: "pl.Series") -> NDArray[np.int64]:
    """Return the number of the group of each row (samples,), from 0 on.

    Raises:
        UserError: a row has none.
    """
    if column.dtype.is_nested():
        raise UserError(f"data.group={column.name} holds {column.dtype}: a group is a text, a number or a date")
    names = as_text(column) if is_text(column) else column.cast(pl.String)
    missing = names.is_null().arg_true()
    if len(missing):
        raise UserError(
            f"data.group={column.name}: row {missing[0] + 1} of those with a target has no value, so it could be on "
            "both sides of a split; give each such row a group of its own"
        )
    return np.unique(names.to_numpy().astype(str), return_inverse=True)[1].astype(np.int64)


def is_nameless(name: str) -> bool:
    """Say whether a column has no name, or the one that pandas or R gave it: it numbers the rows."""
    return not name or NO_NAME.fullmatch(name) is not None


def may_count(column: "pl.Series") -> bool:
    """Say whether the whole numbers of a part of a column may number the rows: all differ, or it has no name."""
    return is_nameless(column.name) or (not column.null_count() and column.n_unique() == len(column))


def row_numbers(columns: Iterable["pl.Series"]) -> dict[str, str]:
    """Say of the columns that number the rows of a file why they tell nothing about other rows, by their names.

    In a sorted file the number of a row knows its class. A column whose name says nothing of the kind stays, though it
    counts the rows: that may be a time. A warning names it.
    """
    reasons = {}
    for column in columns:
        if not column.name or not column.dtype.is_integer() or len(column) < 2 or not may_count(column):
            continue
        if NO_NAME.fullmatch(column.name):
            reasons[column.name] = NUMBERED
        elif NAMES_ROWS.fullmatch(column.name):
            reasons[column.name] = "whole numbers that differ in all rows: the row's number, not a property"
        elif column[0] in (0, 1) and (column.diff().drop_nulls() == 1).all():
            logger.warning(
                "{} numbers the rows of the file. If it is not a time or a position, leave it out: {}",
                column.name,
                override("data.ignore", column.name),
            )
    return reasons
