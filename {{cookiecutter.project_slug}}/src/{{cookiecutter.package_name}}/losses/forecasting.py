"""The loss of quantiles.

Dimensions: B batch, H steps that are forecast, Q quantiles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..data.spec import DataSpec, PanelSpec
from .from_spec import require
from .weighted_mean import weighted_mean


def quantile_loss(outputs: Tensor, targets: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Return max(q(t − o), (q − 1)(t − o)) for quantiles (B, H, Q) of targets (B, H), of the shape of the outputs.

    Its expectation is smallest where o is the q-quantile of t. Koenker & Bassett 1978, "Regression Quantiles".
    """
    q = outputs.new_tensor(quantiles)
    error = targets[..., None] - outputs
    return torch.maximum(q * error, (q - 1) * error)


class Quantile(nn.Module):
    """max(q(t − o), (q − 1)(t − o)), the mean over quantiles q, steps and samples.

    Args:
        spec: of a panel; names the quantiles.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        require(spec, "forecasting", "quantile")
        assert isinstance(spec, PanelSpec)
        self.quantiles = spec.quantiles

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of quantiles (B, H, Q) for targets (B, H)."""
        losses = quantile_loss(outputs, targets, self.quantiles)
        return losses.mean() if weights is None else weighted_mean(losses, weights)
