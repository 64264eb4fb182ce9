"""Regression: real targets, predicted with as small an error as the loss sees it."""

from typing import TYPE_CHECKING

from torch import Tensor
from torchmetrics import MeanAbsoluteError, MeanSquaredError, MetricCollection, R2Score

from ..data.datamodule import ArrayDataModule
from .task import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Regression(Task):
    """Predicts real values (samples, K). rmse and mae are in the units of the target, r2 is at most 1.

    The loss is taken on the standardised target, if the data are standardised.
    """

    def make_metrics(self) -> MetricCollection:
        """Return root mean squared error, mean absolute error and coefficient of determination."""
        return MetricCollection(
            {"rmse": MeanSquaredError(squared=False), "mae": MeanAbsoluteError(), "r2": R2Score()},
            compute_groups=False,
        )

    def measured(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return predictions and targets in the units of the data, in one dimension."""
        return self.scaling.to_units(outputs).flatten(), self.scaling.to_units(targets).flatten()

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return values (samples, K) in the units of the data."""
        return self.scaling.to_units(outputs)

    @property
    def prediction_names(self) -> list[str]:
        """The names of the targets."""
        return list(self.spec.target_names)

    def figures(self, data: ArrayDataModule) -> dict[str, "Figure"]:
        """Return the figures of a regression, by name."""
        return {}
