"""Regression: real targets, predicted with as small an error as the loss sees it."""

from functools import partial
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from ..metrics.mean import wide
from ..metrics.regression import R2, Spearman
from .epoch_metrics import Measured, View, collection
from .task import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Regression(Task):
    """Predicts real values (samples, K). rmse and mae are in the units of the target, r2 is at most 1.

    The loss is taken on the standardised target, if the data are standardised.
    """

    kind = "regression"

    def views(self, metrics: dict[str, Metric]) -> list[View]:
        """Return metrics by what they take: targets one by one, or all together."""
        apart: dict[str, Metric] = {
            name: metric for name, metric in metrics.items() if isinstance(metric, R2 | Spearman)
        }
        together = {name: metric for name, metric in metrics.items() if name not in apart}
        views: list[tuple[dict[str, Metric], Measured]] = [(together, self.in_units_together), (apart, self.in_units)]
        return [View(collection(some, compute_groups=False), view) for some, view in views if some]

    def in_units(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return predictions (N, K) and targets (N, K) in the units of the data, without losing digits."""
        return self.scaling.to_units(wide(outputs)), self.scaling.to_units(wide(targets))

    def in_units_together(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return predictions and targets in the units of the data, in one dimension."""
        predictions, true = self.in_units(outputs, targets)
        return predictions.flatten(), true.flatten()

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return values (samples, K) in the units of the data."""
        return self.scaling.to_units(outputs)

    @property
    def prediction_names(self) -> list[str]:
        """The names of the targets."""
        return list(self.spec.target_names)

    def figures(self, data: Any) -> dict[str, "Figure"]:
        """Return the residuals of the test, and for one or two features the line or the surface through the points."""
        from ..figures import fitted_line, fitted_surface, residuals

        features = self.spec.feature_names
        drawn = {}
        for k, target in enumerate(self.spec.target_names):
            suffix = f"_{k + 1}" if len(self.spec.target_names) > 1 else ""
            predict = partial(self.predict_target, k)
            train, test = ((inputs, targets[:, k]) for inputs, targets in map(data.arrays, ("train", "test")))
            drawn[f"residuals{suffix}"] = residuals(predict(test[0]), test[1], target)
            if self.spec.input_shape == (1,):
                drawn[f"fitted_line{suffix}"] = fitted_line(predict, train, test, features[0], target)
            if self.spec.input_shape == (2,):
                drawn[f"fitted_surface{suffix}"] = fitted_surface(predict, train, test, features, target)
        return drawn

    def predict_target(self, k: int, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return predictions (samples,) of target `k` for inputs (samples, *input_shape) in the units of the data."""
        return self.predict_array(inputs)[:, k]
