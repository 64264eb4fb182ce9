"""Columns that hold two values each, 0/1, true/false or yes/no: the labels that several classes of a sample are."""

from collections.abc import Sequence

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..lazy_polars import pl
from .values import as_numbers, as_text, is_text, listed

NO_AND_YES = (("0", "1"), ("false", "true"), ("no", "yes"))  # what a column of labels may hold


def some_of(target: "pl.Series") -> str:
    """Return some values of a column of text, for messages."""
    return f"text such as {listed([repr(value) for value in target.unique().sort()], 3)}"


def labels(target: "pl.Series") -> NDArray[np.float32] | None:
    """Return 0 and 1 (samples,) for a column that holds 0/1, true/false or yes/no; None for all others."""
    if is_text(target):
        texts = as_text(target).str.to_lowercase()
        held = set(texts.unique())
        yes = next((yes for no, yes in NO_AND_YES if held <= {no, yes}), None)
        return None if yes is None else (texts == yes).to_numpy().astype(np.float32)
    numbers = as_numbers(target)
    return numbers.astype(np.float32) if set(np.unique(numbers)) <= {0.0, 1.0} else None


def encode_labels(targets: Sequence["pl.Series"]) -> NDArray[np.float32]:
    """Return the labels (samples, K) of columns that hold two values each, and say how often each applies.

    Raises:
        UserError: a column holds others.
    """
    encoded = []
    for target in targets:
        values = labels(target)
        if values is None:
            held = some_of(target) if is_text(target) else "other numbers than 0 and 1"
            raise UserError(
                f"data.target={target.name} holds {held}; "
                "data.task=multilabel needs two values in each column: 0/1, true/false or yes/no"
            )
        encoded.append(values)
    counts = [f"{target.name} ({int(values.sum())})" for target, values in zip(targets, encoded, strict=True)]
    logger.info("Labels, and how many of {} rows have them: {}", len(targets[0]), listed(counts))
    return np.stack(encoded, axis=1)
