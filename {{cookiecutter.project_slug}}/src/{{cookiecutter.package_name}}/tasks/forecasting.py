"""Forecasting: quantiles of the next steps of several time series."""

from typing import TYPE_CHECKING, Any

import torch
from loguru import logger
from torch import Tensor
from torchmetrics import Metric

from ..data.spec import PanelSpec
from .epoch_metrics import View, collection
from .task import Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_DRAWN = 4  # series in the figure of forecasts
MAX_EXPLAINED = 1024  # test windows behind the figures of importances and attention


class Forecasting(Task):
    """Forecasts quantiles (samples, H, Q) of the next H steps. quantile_loss is in the units of the target.

    The loss is taken on the standardised target, if the data are standardised.
    """

    spec: PanelSpec

    kind = "forecasting"

    def views(self, metrics: dict[str, Metric]) -> list[View]:
        """Return the metrics, which take quantiles (B, H, Q) and targets (B, H) in the units of the data."""
        return [View(collection(metrics), self.in_units)]

    def in_units(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return quantiles and targets in the units of the data."""
        return self.scaling.to_units(outputs), self.scaling.to_units(targets)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map the inputs of windows, see `Windows`, to quantiles, both in the units of the data."""
        return self.to_predictions(self.network(*self.scaling(*inputs)))

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return quantiles (samples, H, Q) in the units of the data."""
        return self.scaling.to_units(outputs)

    @property
    def prediction_names(self) -> list[str]:
        """The names of the quantiles, the last dimension of predictions."""
        return [f"q{quantile:g}" for quantile in self.spec.quantiles]

    def on_test_epoch_end(self) -> None:
        """Log the metrics, beside the best that any forecast could reach, if the data know it."""
        super().on_test_epoch_end()
        data = getattr(self.trainer, "datamodule", None)
        best = data.best_possible("test") if data is not None else None
        if best is not None:
            reached = self.trainer.callback_metrics["test/quantile_loss"]
            logger.info("test/quantile_loss {:.4f}; the true quantiles expect {:.4f}, the best possible", reached, best)

    @torch.no_grad()
    def figures(self, data: Any) -> dict[str, "Figure"]:
        """Return forecasts with their bands and, if the network says so, which variables and steps they came from."""
        from ..figures import Forecast, attention_over_time, forecasts, variable_importances

        panel = self.spec
        self.eval()
        last = data.last_test_windows(MAX_DRAWN)
        windows = data.raw_windows(last)
        predicted, true = self(*(tensor.to(self.device) for tensor in windows[:-1])).cpu(), data.true_quantiles(last)
        shown = [
            Forecast(
                data.series_names[int(data.rows.series[start])],
                windows.past_reals[i, :, -1].numpy(),
                windows.targets[i].numpy(),
                predicted[i].numpy(),
                None if true is None else true[i].numpy(),
            )
            for i, start in enumerate(last)
        ]
        drawn = {"forecasts": forecasts(shown, panel.quantiles, panel.target)}
        if hasattr(self.network, "explain"):
            starts = data.starts["test"]
            some = data.raw_windows(starts[:: -(-len(starts) // MAX_EXPLAINED)])[:-1]
            explained = self.network.explain(*self.scaling(*(tensor.to(self.device) for tensor in some)))
            static, past, future = (
                weights.flatten(0, -2).mean(dim=0).tolist()
                for weights in (explained.static_weights, explained.past_weights, explained.future_weights)
            )
            groups = {
                "static": dict(zip(panel.static_categoricals, static, strict=True)),
                "past": dict(zip((*panel.reals, *panel.categoricals), past, strict=True)),
                "future": dict(zip((*panel.known_reals, *panel.known_categoricals), future, strict=True)),
            }
            drawn["variable_importances"] = variable_importances(groups)
            drawn["attention"] = attention_over_time(explained.attention.mean(dim=0).cpu().numpy())
        return drawn
