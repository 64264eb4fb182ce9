"""The linear model.

    ŷ = xW + b

For classification ŷ are the logits: the class with the largest one wins, and where two are equal runs a hyperplane.

Dimensions: B batch, D input features, K outputs.
"""

import math

from torch import Tensor, nn

from ..data.spec import DataSpec


class Linear(nn.Module):
    """One affine map from all features of a sample to the outputs. Inputs of any shape are flattened to D features."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.output = nn.Linear(math.prod(spec.input_shape), spec.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (B, *input_shape) to outputs (B, K)."""
        return self.output(x.flatten(1))
