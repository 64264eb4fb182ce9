"""Regression: predicts real targets."""

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from hyperplane import Task
from hyperplane.metrics.mean import wide
from hyperplane.metrics.regression import R2, Spearman
from hyperplane.tasks.epoch_metrics import Measured, View, collection
from loguru import logger
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_DRAWN = 4  # targets that get figures of their own


class Regression(Task):
    """Predicts real values (samples, K). rmse and mae are in the units of the target, r2 is at most 1.

    The loss is computed on the standardised target if the data are standardised.
    """

    kind = "regression"

    def views(self, metrics: dict[str, Metric]) -> list[View]:
        """Return the metrics in two groups: those of each target alone, and those of all targets together."""
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

    def naive_output(self) -> Tensor | None:
        """Return the means of the training targets (K,), standardised if the data are."""
        means = self.spec.target_means
        return self.scaling.scale_targets(torch.tensor([means], dtype=torch.double))[0] if means else None

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return values (samples, K) in the units of the data."""
        return self.scaling.to_units(outputs)

    def figures(self, data: Any) -> dict[str, "Figure"]:
        """Return the residuals of the test, and for one or two features the line or the surface through the points.

        If there are many targets, the first ones get figures of their own, and one figure shows R² of all.
        """
        from hyperplane.figures import fitted_line, fitted_surface, r2_by_target, residuals

        if not hasattr(data, "arrays"):
            if not hasattr(data, "figures"):  # a data module's own figures may show them
                logger.info("Residuals are not drawn: {} has no arrays(part)", type(data).__name__)
            return {}
        features, targets = self.spec.feature_names, self.spec.target_names
        inputs, true = data.arrays("test")
        predicted = self.predict_array(inputs)
        drawn = {}
        if len(targets) > MAX_DRAWN:
            logger.info("The first {} of {} targets are drawn one by one.", MAX_DRAWN, len(targets))
            drawn["r2_by_target"] = r2_by_target(predicted, true, targets)
        for k, target in enumerate(targets[:MAX_DRAWN]):
            suffix = f"_{k + 1}" if len(targets) > 1 else ""
            predict = partial(self.predict_target, k)
            train, test = ((inputs, values[:, k]) for inputs, values in (data.arrays("train"), (inputs, true)))
            drawn[f"residuals{suffix}"] = residuals(predicted[:, k], test[1], target)
            if self.spec.input_shape == (1,):
                drawn[f"fitted_line{suffix}"] = fitted_line(predict, train, test, features[0], target)
            if self.spec.input_shape == (2,):
                drawn[f"fitted_surface{suffix}"] = fitted_surface(predict, train, test, features, target)
        return drawn

    def predict_target(self, k: int, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return predictions (samples,) of target `k` for inputs (samples, *input_shape) in the units of the data."""
        return self.predict_array(inputs)[:, k]
