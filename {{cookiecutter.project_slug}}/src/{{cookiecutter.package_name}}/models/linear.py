"""The linear model.

    ŷ = xW + b

For classification ŷ are the logits: the class with the largest one wins, and where two are equal runs a hyperplane.

Of a panel it forecasts the quantiles of all steps directly from the window, flattened to a row.

Dimensions: B batch, D input features, K outputs, H steps to forecast, Q quantiles.
"""

import math

from hyperplane import DataSpec
from torch import Tensor, nn

from .flat_windows import begin_at_naive, sizes_of


class Linear(nn.Module):
    """One affine map from all features of a sample to the outputs. Inputs of any shape are flattened to D features."""

    forecasts = True  # reads windows of a panel

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.windows, outputs = sizes_of(spec)
        self.quantiles = spec.output_size
        features = self.windows.features if self.windows is not None else math.prod(spec.input_shape)
        self.output = nn.Linear(features, outputs)
        begin_at_naive(self.output, spec)

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        """Map inputs (B, *input_shape) to outputs (B, K); the inputs of windows, see `Windows`, to (B, H, Q)."""
        if self.windows is None:
            return self.output(x.flatten(1))
        return self.output(self.windows(x, *others)).unflatten(1, (-1, self.quantiles))
