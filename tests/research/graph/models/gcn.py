"""The graph convolutional network of Kipf & Welling 2017, equation 9.

    O = Â ReLU(Â X W₁) W₂,   Â = D^-1/2 (A + I) D^-1/2

Without edges Â is the unit matrix, and this a multilayer perceptron.

Dimensions: N nodes, F features, H hidden units, K outputs.
"""

from hyperplane import DataSpec
from torch import Tensor, nn


class GCN(nn.Module):
    """Two layers, each a mean over neighbours."""

    def __init__(
        self,
        spec: DataSpec,
        width: int = 16,  # H
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(spec.input_shape[0], width, bias=False)
        self.output = nn.Linear(width, spec.output_size, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor, adjacency: Tensor) -> Tensor:
        """Map features (N, F) and the normalised adjacency (N, N) to logits (N, K)."""
        hidden = self.dropout((adjacency @ self.hidden(features)).relu())
        return adjacency @ self.output(hidden)
