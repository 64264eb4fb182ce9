"""The column to predict: which task it makes, and its values as class numbers or as numbers."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ..mistakes import UserMistake
from .columns import as_numbers, as_text, is_text, listed

if TYPE_CHECKING:
    from polars import DataFrame, Series

FEW_INTEGERS = 10  # at most that many different integers are taken for classes


def has_value(table: "DataFrame", target: str) -> "Series":
    """Return for each row whether it has a target (rows,), and say how many have none.

    Raises:
        UserMistake: none has one.
    """
    import polars

    column = table[target]
    present = as_text(column).is_not_null() if is_text(column) else polars.Series(np.isfinite(as_numbers(column)))
    if not present.any():
        raise UserMistake(f"data.target={target}: all {table.height} rows have no value there")
    if not present.all():
        logger.warning("{} of {} rows have no {} and are left out.", (~present).sum(), table.height, target)
    return present


def infer_task(target: "Series") -> Literal["classification", "regression"]:
    """Return classification for text, booleans and at most ten different integers, else regression."""
    if is_text(target) or str(target.dtype) == "Boolean":
        return "classification"
    values = as_numbers(target)
    distinct = np.unique(values)
    few = len(distinct) <= min(FEW_INTEGERS, len(values) / 2)
    return "classification" if few and (distinct == np.round(distinct)).all() else "regression"


def encode_target(target: "Series", task: str) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the targets and, for classification, the names of the classes in order.

    Args:
        target: without missing values.
        task: classification gives class numbers (samples,) int64, regression values (samples, 1) float32.

    Raises:
        UserMistake: there is one value only, text where numbers are needed, or a class for nearly every row.
    """
    if target.dtype.is_temporal():
        raise UserMistake(f"data.target={target.name} holds dates ({target.dtype}); make it a number or a category")
    distinct = target.n_unique()
    if distinct == 1:
        raise UserMistake(f"data.target={target.name} is {target[0]!r} in all {len(target)} rows: nothing to learn")
    if task == "regression":
        if is_text(target):
            raise UserMistake(
                f"data.target={target.name} holds text such as {target[0]!r}; data.task=regression needs numbers. "
                "data.task=classification takes texts as classes."
            )
        return as_numbers(target)[:, None].astype(np.float32), ()
    if distinct > len(target) / 2:
        raise UserMistake(
            f"data.target={target.name} has {distinct} different values in {len(target)} rows, too many for classes. "
            "data.task=regression predicts numbers."
        )
    if is_text(target):
        names, numbers = np.unique(as_text(target).to_numpy().astype(str), return_inverse=True)
        classes = names.tolist()
    else:
        values, numbers = np.unique(as_numbers(target), return_inverse=True)
        is_bool = str(target.dtype) == "Boolean"
        classes = ["false", "true"] if is_bool else [f"{value:.15g}" for value in values]
    logger.info("Classes of {}: {}", target.name, listed(classes))
    return numbers.astype(np.int64), tuple(classes)
