"""Windows of a panel: what every data set for forecasting shares.

A panel is several series of rows, one row for each step of time. A window is E rows of past and H rows to forecast;
it is named by its first row, so a batch is one indexing operation on the rows, which are kept once.

Dimensions: B batch, E encoder steps, H decoder steps, S static variables, R real and C categorical variables.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ..batches import Batches
from ..spec import PanelSpec


class Rows(NamedTuple):
    """All rows of a panel, sorted by series and time, without gaps inside a series.

    The columns are those of `PanelSpec.reals`, `PanelSpec.categoricals` and `PanelSpec.static_categoricals`.
    """

    series: Tensor  # (rows,) int64, number of the series
    time: Tensor  # (rows,) int64, number of the step; the same in all series
    reals: Tensor  # (rows, R), the target last; float64 in the units of the data
    categoricals: Tensor  # (rows, C) int64
    static: Tensor  # (rows, S) int64, the same in all rows of a series


class Windows(NamedTuple):
    """A batch of windows, the targets last. What is not known in advance is in the past alone."""

    static: Tensor  # (B, S) int64
    past_reals: Tensor  # (B, E, R)
    past_categoricals: Tensor  # (B, E, C) int64
    future_reals: Tensor  # (B, H, known reals)
    future_categoricals: Tensor  # (B, H, known categoricals) int64
    targets: Tensor  # (B, H)


def windows_at(starts: Tensor, rows: Rows, panel: PanelSpec) -> Windows:
    """Return the windows whose first rows are `starts` (B,)."""
    past = starts[:, None] + torch.arange(panel.encoder_length, device=starts.device)
    future = starts[:, None] + panel.encoder_length + torch.arange(panel.decoder_length, device=starts.device)
    reals = rows.reals[future]
    return Windows(
        rows.static[starts],
        rows.reals[past],
        rows.categoricals[past],
        reals[..., : len(panel.known_reals)],
        rows.categoricals[future][..., : len(panel.known_categoricals)],
        reals[..., -1],
    )


class WindowBatches(Batches):
    """Iterates over the windows that begin at `starts`, in batches; the order is that of `Batches`."""

    def __init__(self, starts: Tensor, rows: Rows, panel: PanelSpec, batch_size: int, seed: int | None = None) -> None:
        super().__init__((starts,), batch_size, seed)
        self.rows = rows
        self.panel = panel

    def complete(self, batch: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        (starts,) = batch
        return windows_at(starts, self.rows, self.panel)
