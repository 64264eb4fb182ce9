"""What `predict` makes of a file: the interface that kinds of data share, and the rows of data without files.

A data module says `reads_inputs = True` and has

    read_inputs(source, spec)    NewSamples of what was typed as `input=`; after `load_state_dict`, without `setup`

Dimensions: B samples that are predicted at once, K predictions of each.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import UserError, with_nearest
from .lazy_polars import pl
from .spec import DataSpec, PanelSpec, TextSpec

Piece = tuple[Any, NDArray[np.int64]]


class NewSamples(NamedTuple):
    """Samples to predict, and where their predictions stand in the output."""

    height: int  # rows of the output
    # Inputs (B, *input_shape) as an array, or a tuple of tensors where a network takes several; and the row of the
    # output of each prediction, −1 where it has none: (B,), or (B, steps) of a forecast. Pieces may be read one by one
    pieces: Iterable[Piece]
    beside: "pl.DataFrame | None" = None  # what stands in front of the predictions of each row, such as its name

    @classmethod
    def of(cls, inputs: NDArray[Any], beside: "pl.DataFrame | None" = None) -> "NewSamples":
        """Return samples that are rows of the output, in their order."""
        return cls(len(inputs), [(inputs, np.arange(len(inputs)))], beside)


def read_rows(source: Path, spec: DataSpec) -> NewSamples:
    """Return the rows of a table as samples of data that have no file of their own.

    Raises:
        UserError: see `as_inputs`; or samples of these data are no rows of a table.
    """
    from .files.table_files import read_table

    if isinstance(spec, PanelSpec):
        raise UserError("This run forecasts a generated panel, so there are no new rows; predict is for data=panel")
    if isinstance(spec, TextSpec):
        raise UserError('This run continues a text: predict run=... prompt="..."')
    return NewSamples.of(as_inputs(read_table(source, "input"), spec, source))


def as_inputs(table: "pl.DataFrame", spec: "DataSpec", source: Path) -> "NDArray[Any]":
    """Return the numbers of a table as inputs (samples, *input_shape) float64; tokens are int64.

    Columns are taken by the names of the features, or, if it has none of them, all numeric ones in order. Where the
    data of the training stated no shape, a sample is its row.
    """
    names, size = list(spec.feature_names), math.prod(spec.input_shape)
    missing = [name for name in names if name not in table.columns]
    if len(missing) == len(names):
        names = [series.name for series in table if series.dtype.is_numeric()]
        if spec.input_shape and len(names) != size:
            expected = f" such as {missing[0]!r}" if missing else ""
            raise UserError(
                f"input={source} has {len(names)} numeric columns; this model takes {size}{expected} "
                f"(shape {spec.input_shape})"
            )
    elif missing:
        raise UserError(with_nearest(f"input={source} has no column {missing[0]!r}.", missing[0], table.columns))
    texts = pl.selectors.temporal().cast(pl.String)  # dates are no numbers, whatever a cast makes of them
    inputs = table[names].with_columns(texts).cast(pl.Float64, strict=False).to_numpy()
    right, numbers = np.isfinite(inputs), "numbers"
    if spec.num_tokens:
        right = right & (inputs == np.round(inputs)) & (inputs >= 0) & (inputs < spec.num_tokens)
        numbers = f"tokens, whole numbers from 0 to {spec.num_tokens - 1}"
    wrong = np.argwhere(~right)
    if len(wrong):
        row, column = wrong[0]
        raise UserError(
            f"input={source}: column {names[column]!r} must hold {numbers}, but row {row + 1} has "
            f"{table[names[column]][int(row)]!r}"
        )
    inputs = inputs.astype(np.int64) if spec.num_tokens else inputs
    return np.ascontiguousarray(inputs.reshape(len(inputs), *(spec.input_shape or inputs.shape[1:])))
