"""Metrics of probabilities that torchmetrics does not have by these names.

Dimensions: N samples, K classes or labels, ... further positions of dense outputs.
"""

import torch
from torch import Tensor
from torch.nn import functional
from torchmetrics.classification import BinaryCalibrationError

from .mean import Mean


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

    def compute(self) -> Tensor:
        return (self.total / self.count).exp().float()
