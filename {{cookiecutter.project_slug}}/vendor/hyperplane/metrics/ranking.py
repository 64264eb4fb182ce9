"""Areas under the ROC curve that are no number where a class, or every other one, is absent.

torchmetrics takes 0 there, the worst value there is, and averages it with those of the other classes.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from torchmetrics.classification import BinaryAUROC, MulticlassAUROC, MultilabelAUROC
from torchmetrics.utilities.data import dim_zero_cat


class BinaryAuroc(BinaryAUROC):
    """Of two classes; NaN where all samples are of one."""

    higher_is_better = True

    def compute(self) -> Tensor:  # type: ignore[override]
        return mean_of_present(quietly(super().compute), dim_zero_cat(self.target).reshape(-1, 1))


class MulticlassAuroc(MulticlassAUROC):
    """The mean over the classes that occur, each against the others; NaN where only one does."""

    higher_is_better = True

    def compute(self) -> Tensor:  # type: ignore[override]
        self.average = "none"  # type: ignore[assignment]
        targets = dim_zero_cat(self.target).flatten()
        is_class = targets.unsqueeze(1) == torch.arange(self.num_classes, device=targets.device)
        return mean_of_present(quietly(super().compute), is_class)


class MultilabelAuroc(MultilabelAUROC):
    """The mean over the labels that some samples have and others do not; NaN where no label is such."""

    higher_is_better = True

    def compute(self) -> Tensor:  # type: ignore[override]
        self.average = "none"
        return mean_of_present(quietly(super().compute), dim_zero_cat(self.target).reshape(-1, self.num_labels))


def mean_of_present(areas: Tensor, targets: Tensor) -> Tensor:
    """Return the mean of the areas (K,) or () of the columns of `targets` (N, K) that hold both 0 and 1."""
    return areas.reshape(-1)[(targets == 1).any(dim=0) & (targets == 0).any(dim=0)].mean()


def quietly(compute: Callable[[], Tensor]) -> Tensor:
    """Call a function without its warnings, which say what `mean_of_present` takes care of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compute()
