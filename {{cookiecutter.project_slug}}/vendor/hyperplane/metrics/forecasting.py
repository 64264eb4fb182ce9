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


class MedianError(Mean):
    """|t − o|, o the quantile nearest to the median, averaged over windows and steps; in the units of the target."""

    higher_is_better = False

    def __init__(self, spec: "DataSpec") -> None:
        super().__init__()
        quantiles = spec.quantiles  # type: ignore[attr-defined]  # of a panel
        self.middle = min(range(len(quantiles)), key=lambda number: abs(quantiles[number] - 0.5))

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add quantiles (B, H, Q) for targets (B, H)."""
        self.add((targets - outputs[..., self.middle]).abs())


class Coverage(Mean):
    """The share of targets between the lowest and the highest quantile: of q0.1 and q0.9 it should be 0.8.

    Neither more nor less is better, but what comes closer to that.
    """

    def update(self, outputs: Tensor, targets: Tensor) -> None:
        """Add quantiles (B, H, Q) for targets (B, H)."""
        self.add(((outputs[..., 0] <= targets) & (targets <= outputs[..., -1])).float())
