"""A network in two parts: what a body has learned on some classes serves a new head for others."""

import math

from hyperplane import DataSpec
from torch import Tensor, nn


class BodyAndHead(nn.Module):
    """Two hidden layers, the body, and a linear head of the size of the classes."""

    def __init__(self, spec: DataSpec, width: int = 64) -> None:
        super().__init__()
        inputs = math.prod(spec.input_shape)
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.head = nn.Linear(width, spec.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (B, *input_shape) to logits (B, K)."""
        return self.head(self.body(x))
