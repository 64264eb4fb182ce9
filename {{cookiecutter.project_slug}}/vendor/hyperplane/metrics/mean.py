"""A mean that loses no digits."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric


def wide(values: Tensor) -> Tensor:
    """Return numbers in float64; in float32 on the GPU of a Mac, which has nothing wider."""
    return values.float() if values.device.type == "mps" else values.double()


class Mean(Metric):
    """The mean of numbers that a subclass computes for each sample."""

    total: Tensor
    count: Tensor

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.add_state("total", torch.tensor(0.0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def add(self, values: Tensor) -> None:
        """Add numbers of any shape."""
        self.total = self.total + wide(values).sum()
        self.count = self.count + values.numel()

    def compute(self) -> Tensor:
        return (self.total / self.count).float()
