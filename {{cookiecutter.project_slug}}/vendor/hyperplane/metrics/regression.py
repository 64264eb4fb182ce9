"""Metrics of real values that keep all digits where the target is large beside its spread.

Dimensions: N samples, K targets.
"""

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.functional.regression import spearman_corrcoef
from torchmetrics.regression import SpearmanCorrCoef
from torchmetrics.utilities import dim_zero_cat

from .mean import wide


class R2(Metric):
    """R² = 1 − Σ(ŷ − y)² / Σ(y − ȳ)² of each target, then the mean over targets. At most 1; 0 for the mean itself.

    Sums of squares are taken around the first target seen, in float64: Σy² − (Σy)²/N loses the digits of a spread that
    is small beside the mean.
    """

    higher_is_better = True
    origin: Tensor
    errors: Tensor
    sums: Tensor
    squares: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name in ("origin", "errors", "sums", "squares"):
            self.add_state(name, torch.zeros(0), dist_reduce_fx="sum")
        self.add_state("count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Add predictions (N, K) for targets (N, K)."""
        predictions, targets = wide(predictions), wide(targets)
        if self.origin.numel() == 0:
            self.origin = targets[0].clone()
            self.errors = self.sums = self.squares = torch.zeros_like(self.origin)
        shifted = targets - self.origin
        self.errors = self.errors + (predictions - targets).square().sum(dim=0)
        self.sums = self.sums + shifted.sum(dim=0)
        self.squares = self.squares + shifted.square().sum(dim=0)
        self.count = self.count + len(targets)

    def compute(self) -> Tensor:
        """Return R² (); of fewer than two samples, and of a target that does not vary, it is not a number."""
        spread = self.squares - self.sums.square() / self.count
        return (1 - self.errors / spread).where(spread > 0, torch.nan).mean().float()


class Spearman(SpearmanCorrCoef):
    """The correlation of ranks, in [−1, 1], of each target, then the mean over targets. Keeps all predictions."""

    higher_is_better = True

    def update(self, predictions: Tensor, targets: Tensor) -> None:
        """Add predictions (N, K) for targets (N, K)."""
        self.preds.append(predictions)
        self.target.append(targets)

    def compute(self) -> Tensor:
        """Return the correlation (); of a single sample it is not a number."""
        predictions, targets = dim_zero_cat(self.preds), dim_zero_cat(self.target)
        if len(targets) < 2:
            return predictions.new_full((), torch.nan)
        if predictions.shape[1] == 1:
            predictions, targets = predictions[:, 0], targets[:, 0]
        return spearman_corrcoef(predictions, targets).mean()
