"""The loss of quantiles.

Dimensions: B batch, H steps to forecast, Q quantiles.
"""

from hyperplane import DataSpec, PanelSpec, UserError
from hyperplane.losses.from_spec import require
from hyperplane.losses.weighted_mean import weighted_mean
from hyperplane.metrics.quantile_loss import quantile_loss
from torch import Tensor, nn


class Quantile(nn.Module):
    """max(q(t − o), (q − 1)(t − o)), the mean over quantiles q, steps and samples.

    Args:
        spec: of a panel; names the quantiles.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        require(spec, "forecasting", "quantile")
        if not isinstance(spec, PanelSpec):
            raise UserError("loss=quantile is for time series, which name quantiles. loss=auto chooses what fits.")
        self.quantiles = spec.quantiles

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of quantiles (B, H, Q) for targets (B, H)."""
        losses = quantile_loss(outputs, targets, self.quantiles)
        return losses.mean() if weights is None else weighted_mean(losses, weights)
