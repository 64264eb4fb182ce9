"""The parts of a panel: all series are trained on up to a step of time, validated and tested on the steps after it."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..folds import blocks
from ..spec import PanelSpec
from .windows import Rows


class Boundaries(NamedTuple):
    """Steps of time at which parts begin; validation and test begin at the same where there is no validation."""

    first: int
    first_val: int
    first_test: int
    end: int  # the first step after the test


def boundaries(
    time: Tensor, val_fraction: float, test_fraction: float, folds: int | None, fold: int | None
) -> Boundaries:
    """Return where the parts of these time steps begin; see the settings of `PanelDataModule`."""
    first, end = int(time.min()), int(time.max()) + 1
    if folds is not None and fold is not None:
        first_test, end = (first + step for step in blocks(end - first, folds)[fold])
    else:
        first_test = end - max(1, round(test_fraction * (end - first)))
    return Boundaries(first, first_test - round(val_fraction * (first_test - first)), first_test, end)


def starts_of_parts(
    rows: Rows, panel: PanelSpec, bounds: Boundaries, is_filled: NDArray[np.bool_] | None
) -> dict[str, Tensor]:
    """Return where the windows of each part begin: those whose targets all lie in it, and are measured."""
    time, length = rows.time, panel.encoder_length + panel.decoder_length
    starts = torch.arange(max(0, len(time) - length + 1))
    starts = starts[rows.series[starts] == rows.series[starts + length - 1]]
    if is_filled is not None:
        ahead = starts[:, None] + panel.encoder_length + torch.arange(panel.decoder_length)
        starts = starts[~torch.from_numpy(is_filled)[ahead].any(dim=1)]
    first_target, last_target = time[starts + panel.encoder_length], time[starts + length - 1]
    return {
        "train": starts[last_target < bounds.first_val],
        "val": starts[(first_target >= bounds.first_val) & (last_target < bounds.first_test)],
        "test": starts[(first_target >= bounds.first_test) & (last_target < bounds.end)],
    }


def no_window(part: str, panel: PanelSpec, bounds: Boundaries, fold: int | None) -> str:
    """Return what to say where no window fits into a part."""
    first, first_val, first_test, end = bounds
    of_fold = " in all" if fold is None else f" up to the end of data.fold={fold}"
    remedy = "test_fraction" if fold is None else "folds"
    return (
        f"no window of {panel.encoder_length} + {panel.decoder_length} steps fits into the {part} part "
        f"({end - first} time steps{of_fold}: {first_val - first} to train on, "
        f"{first_test - first_val} to validate, {end - first_test} to test). Choose a smaller "
        f"data.encoder_length or data.decoder_length, or other data.val_fraction and data.{remedy}."
    )
