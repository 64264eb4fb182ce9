"""Categories of a panel as numbers."""

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..columns.values import as_text, listed
from ..lazy_polars import pl

UNKNOWN = 0  # the number of the category that is missing or unknown


def numbers_of(column: "pl.Series", categories: list[str]) -> NDArray[np.int64]:
    """Return the number of each row's category: from 1 on, UNKNOWN if it is missing or none of `categories`."""
    values = as_text(column).to_list()
    numbers = {value: number for number, value in enumerate(categories, 1)}
    unknown = {value for value in values if value and value not in numbers}
    if unknown:
        logger.warning("{}: {} does not occur in training rows.", column.name, listed(sorted(unknown), 3))
    return np.array([numbers.get(value, UNKNOWN) for value in values], np.int64)


def stacked(columns: list[NDArray[np.int64]], rows: int) -> torch.Tensor:
    """Return columns side by side (rows, columns), also if there are none."""
    return torch.from_numpy(np.stack(columns, axis=1) if columns else np.zeros((rows, 0), np.int64))


def require_static(name: str, series: NDArray[np.int64], numbers: NDArray[np.int64], names: list[str]) -> None:
    """Refuse a static variable that changes within a series.

    `series`, in order, and `numbers` of categories are those of each row (rows,).
    """
    changes = np.flatnonzero((np.diff(series) == 0) & (np.diff(numbers) != 0))
    if len(changes):
        raise UserError(
            f"data.static_categoricals: {name} changes within {names[changes[0]]}. "
            "If it is known in advance it belongs to data.known_categoricals, else to data.observed_categoricals."
        )
