"""Metrics of probabilities that torchmetrics does not have by these names.

Dimensions: N samples, K classes or labels, ... further positions of dense outputs.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics import Metric
from torchmetrics.classification import BinaryCalibrationError


class Mean(Metric):
    """The mean of numbers that a subclass computes for each sample, summed in float64."""

    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def add(self, values: Tensor) -> None:
        """Add numbers of any shape."""
        self.total += values.double().sum()
        self.count += values.numel()

    def compute(self) -> Tensor:
        """Return the mean ()."""
        return (self.total / self.count).float()


class Brier(Mean):
    """Σₖ (pₖ − [k = t])², averaged over samples: 0 is perfect, 2 the worst. Brier 1950."""

    higher_is_better = False

    def update(self, probabilities: Tensor, targets: Tensor) -> None:
        """Add probabilities (N, K, ...) for classes (N, ...)."""
        true = functional.one_hot(targets, probabilities.shape[1]).movedim(-1, 1)
        self.add((probabilities - true).square().sum(dim=1))


class LabelBrier(Mean):
    """(p − t)², averaged over samples and labels: 0 is perfect, 1 the worst."""

    higher_is_better = False

    def update(self, probabilities: Tensor, targets: Tensor) -> None:
        """Add probabilities (N, K) for labels (N, K)."""
        self.add((probabilities - targets).square())


class LabelCalibrationError(BinaryCalibrationError):
    """How far probabilities are from frequencies, over all labels together: Naeini et al. 2015."""

    def update(self, probabilities: Tensor, targets: Tensor) -> None:
        """Add probabilities (N, K) for labels (N, K)."""
        super().update(probabilities.flatten(), targets.flatten().long())


class Perplexity(Mean):
    """exp(−mean log pₜ): how many equally likely tokens the model hesitates between. At least 1."""

    higher_is_better = False

    def update(self, probabilities: Tensor, targets: Tensor) -> None:
        """Add probabilities (N, K, ...) for classes (N, ...)."""
        self.add(-probabilities.gather(1, targets.unsqueeze(1)).clamp(min=torch.finfo(torch.float32).tiny).log())

    def compute(self) -> Any:
        """Return the perplexity ()."""
        return (self.total / self.count).exp().float()
