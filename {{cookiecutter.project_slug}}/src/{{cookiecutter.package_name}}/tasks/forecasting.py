"""Forecasting: quantiles of the next steps of several time series."""

from typing import TYPE_CHECKING, Any, ClassVar

import torch
from hyperplane import Batch, PanelDataModule, PanelSpec, Task, Windows
from hyperplane.data.panels.scaling import restored
from hyperplane.metrics.forecasting import Coverage
from hyperplane.processes.collectives import shard_batch
from hyperplane.tasks.epoch_metrics import View, collection
from loguru import logger
from torch import Tensor
from torchmetrics import Metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_DRAWN = 4  # series in the figure of forecasts
MAX_EXPLAINED = 1024  # test windows behind the figures of importances and attention


class Forecasting(Task):
    """Forecasts quantiles (samples, H, Q) of the next H steps. quantile_loss is in the units of the target.

    The loss is computed on the standardised target if the data are standardised. Outside of training, quantiles that
    cross are sorted, which never raises their loss. Source: Chernozhukov et al. 2010, "Quantile and Probability Curves
    Without Crossing".
    """

    spec: PanelSpec

    kind = "forecasting"
    higher_is_better: ClassVar[dict[str, bool]] = {"mase": False}

    def views(self, metrics: dict[str, Metric]) -> list[View]:
        """Return the metrics, which take quantiles (B, H, Q) and targets (B, H) in the units of the data."""
        return [View(collection(metrics), self.in_units)]

    def in_units(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return quantiles and targets in the units of the data, without losing digits."""
        return self.scaling.to_units(outputs), self.scaling.to_units(targets)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map the inputs of windows, see `Windows`, to quantiles, both in the units of the data."""
        inputs, level = self.scaling.by_window(*self.scaling(*inputs))
        return self.to_predictions(restored(self.network(*inputs), level))

    def step(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the mean loss () of a batch, quantiles (B, H, Q) and targets (B, H), by the scale of all rows."""
        *standardised, targets = batch
        inputs, level = self.scaling.by_window(*standardised)
        quantiles = restored(shard_batch(self.network, inputs), level)
        if not self.training:
            quantiles = quantiles.sort(dim=-1).values
        return self.loss(quantiles, targets), quantiles, targets

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return quantiles (samples, H, Q) in the units of the data, in order: a network may cross them.

        Source: Chernozhukov, Fernández-Val & Galichon 2010, "Quantile and Probability Curves Without Crossing".
        """
        return self.scaling.to_units(outputs).sort(dim=-1).values

    @property
    def prediction_names(self) -> list[str]:
        """The names of the quantiles, the last dimension of predictions."""
        return [f"q{quantile:g}" for quantile in self.spec.quantiles]

    def start_counting(self) -> None:
        """Start counting the targets inside the band."""
        self.coverage = Coverage(sync_on_compute=False).to(self.device)

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Add one test batch to the metrics, and to the coverage of the band."""
        outputs, targets = self.evaluation_step(batch, self.test_metrics[dataloader_idx])
        self.coverage.update(*self.in_units(outputs, targets))

    def floors(self, measured: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return coverage and MASE, and the metrics of naive forecasts; log the best possible loss if the data know it.

        MASE is the mean absolute error divided by that of the naive forecast in training; below 1, the model is better.
        """
        found = {"test/coverage": self.coverage.compute()} if self.coverage.update_called else {}
        data = getattr(self.trainer, "datamodule", None)
        reached = measured.get("test/quantile_loss")
        if not isinstance(data, PanelDataModule) or reached is None:
            return found
        losses = data.naive_losses("test")
        lag = min(losses, key=losses.__getitem__)
        floors = {"quantile_loss": losses[lag], "mae": float(data.naive_errors("test", lag).abs().mean())}
        found |= {f"test/naive_{name}": torch.tensor(floor) for name, floor in floors.items()}
        scale = data.mase_scale()
        if "test/mae" in measured and scale > 0:
            found |= {"test/mase": measured["test/mae"] / scale, "test/naive_mase": found["test/naive_mae"] / scale}
        naive = ", ".join(f"{loss:.4g} ({named_lag(lag)})" for lag, loss in losses.items())
        logger.info("test/quantile_loss {:.4g}; naive forecasts: {}", reached, naive)
        best = data.best_possible("test")
        if best is not None:
            logger.info("test/quantile_loss {:.4f}; the best possible, by the true quantiles, is {:.4f}", reached, best)
        return found

    def moved(self, windows: Windows) -> list[Tensor]:
        """Return the inputs of windows on the device of the task; that of a Mac has no float64."""
        is_mac = self.device.type == "mps"
        return [(x.float() if is_mac and x.is_floating_point() else x).to(self.device) for x in windows[:-1]]

    @torch.no_grad()
    def figures(self, data: Any) -> dict[str, "Figure"]:
        """Return forecasts with their bands and, if the network explains them, the weights of variables and steps."""
        from hyperplane.figures import Forecast, attention_over_time, forecasts, variable_importances

        panel = self.spec
        self.eval()
        last = data.last_test_windows(MAX_DRAWN)
        windows = data.raw_windows(last)
        predicted, true = self(*self.moved(windows)).cpu(), data.true_quantiles(last)
        shown = [
            Forecast(
                data.series_names[int(data.rows.series[start])],
                windows.past_reals[i, :, -1].numpy(),
                windows.targets[i].numpy(),
                predicted[i].numpy(),
                None if true is None else true[i].numpy(),
                data.moments_of(int(start)),
            )
            for i, start in enumerate(last)
        ]
        drawn = {"forecasts": forecasts(shown, panel.quantiles, panel.target, data.time)}
        if hasattr(self.network, "explain"):
            starts = data.starts["test"]
            some = data.raw_windows(starts[:: -(-len(starts) // MAX_EXPLAINED)])
            inputs, _ = self.scaling.by_window(*self.scaling(*self.moved(some)))
            explained = self.network.explain(*inputs)
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
            drawn["attention"] = attention_over_time(explained.attention.mean(dim=0).float().cpu().numpy())
        return drawn


def named_lag(lag: int) -> str:
    """Return the name of the naive forecast with that lag."""
    return "the last value" if lag == 1 else f"the value {lag} steps before"
