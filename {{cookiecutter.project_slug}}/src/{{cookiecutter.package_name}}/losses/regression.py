"""Losses for real values.

Dimensions: B batch, K outputs, ... the positions of a sample in dense prediction.
"""

from hyperplane import DataSpec
from hyperplane.losses.from_spec import require
from hyperplane.losses.weighted_mean import weighted_mean
from pydantic import PositiveFloat
from torch import Tensor, nn
from torch.nn import functional


class SquaredError(nn.Module):
    """(o − t)²."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        require(spec, "regression", "squared_error")

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of outputs (B, K, ...) for targets (B, K, ...)."""
        if weights is None:
            return functional.mse_loss(outputs, targets)
        return weighted_mean(functional.mse_loss(outputs, targets, reduction="none"), weights)


class Huber(nn.Module):
    """½(o − t)² where |o − t| ≤ δ, else δ(|o − t| − ½δ): outliers pull with constant force. Huber 1964."""

    def __init__(
        self,
        spec: DataSpec,  # of data for regression
        delta: PositiveFloat = 1.0,  # δ, in standard deviations of the target if they are standardised, else in units
    ) -> None:
        super().__init__()
        require(spec, "regression", "huber")
        self.delta = delta

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of outputs (B, K, ...) for targets (B, K, ...)."""
        if weights is None:
            return functional.huber_loss(outputs, targets, delta=self.delta)
        return weighted_mean(functional.huber_loss(outputs, targets, reduction="none", delta=self.delta), weights)
