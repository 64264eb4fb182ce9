"""Metrics of forecasts, in the units of the target.

Dimensions: B windows, H steps, Q quantiles.
"""

from typing import TYPE_CHECKING

from torch import Tensor

from .mean import Mean
from .quantile_loss import quantile_loss

if TYPE_CHECKING:
    from ..data.spec import DataSpec


class QuantileLoss(Mean):
    """Mean quantile loss over all windows, steps and quantiles."""

    higher_is_better = False

    def __init__(self, spec: "DataSpec") -> None:
        super().__init__()
        self.quantiles = spec.quantiles  # type: ignore[attr-defined]  # of a panel

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add quantiles (B, H, Q) for targets (B, H)."""
        self.add(quantile_loss(outputs, targets, self.quantiles))
