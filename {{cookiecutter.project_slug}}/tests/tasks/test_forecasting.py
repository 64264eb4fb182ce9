"""A forecast is in the units of the data, stands beside naive ones, and says what it depends on."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hyperplane import PanelDataModule, PanelSpec
from hyperplane.data.panels.naive import naive
from hyperplane.data.panels.windows import Rows
from torch import nn

from {{ cookiecutter.package_name }}.tasks.forecasting import Forecasting, named_lag


class Weeks(PanelDataModule):
    """Two series that repeat themselves every seven days."""

    series_names = ("first", "second")

    def load(self):
        time, series = torch.arange(70).repeat(2), torch.arange(2).repeat_interleave(70)
        values = 100 + 10 * (time % 7) + torch.from_numpy(np.random.default_rng(0).normal(size=140))
        none = torch.zeros(140, 0).long()
        panel = PanelSpec(
            encoder_length=self.encoder_length, decoder_length=3, quantiles=self.quantiles, target="y (pieces)"
        )
        return panel, Rows(series, time, values[:, None], none, none)


class Median(nn.Module):
    """Forecasts 0 in standardised units, and states weights for it."""

    def forward(self, *inputs):
        return self.explain(*inputs).quantiles

    def explain(self, static, past, *others):
        batch, steps, _ = past.shape
        return SimpleNamespace(
            quantiles=torch.zeros(batch, 3, 3),
            static_weights=torch.zeros(batch, 0),
            past_weights=torch.ones(batch, steps, 1),
            future_weights=torch.zeros(batch, 3, 0),
            attention=torch.full((batch, 3, steps + 3), 1 / steps),
        )


@pytest.fixture
def data():
    data = Weeks(encoder_length=14, decoder_length=3, scale="all", seed=0)
    data.setup()
    return data


@pytest.fixture
def task(data):
    return Forecasting(Median(), lambda forecast, true: (forecast[..., 1] - true).mean(), data.spec, data.scaling, None)


def test_forecasts_and_losses_are_in_the_units_of_the_data(data, task):
    windows = data.raw_windows(data.starts["test"])
    forecast = task(*task.moved(windows))
    assert forecast.shape == (len(windows.targets), 3, 3)
    errors = data.scaling.errors * data.scaling.target_std
    from_naive = naive(windows.past_reals[..., -1], 7, 3, data.spec.seasons)[..., None] + errors
    assert torch.allclose(forecast, from_naive, rtol=1e-5), "0 is the naive forecast and the quantiles of its errors"
    task.evaluation_step(next(iter(data.test_dataloader())), task.test_metrics[0])
    quantiles = torch.tensor(data.quantiles)
    error = windows.targets[..., None] - forecast
    expected = torch.maximum(quantiles * error, (quantiles - 1) * error).mean()
    assert task.test_metrics[0].compute()["test/quantile_loss"].item() == pytest.approx(expected.item(), rel=1e-5)


def test_columns_are_named_after_the_quantiles(task):
    assert task.prediction_names == ["q0.1", "q0.5", "q0.9"]
    assert named_lag(7) == "the value 7 steps before"


def test_the_pictures_show_forecasts_and_what_they_depend_on(data, task):
    assert set(task.figures(data)) == {"forecasts", "variable_importances", "attention"}
    task.network = nn.Flatten()
    task.network.forward = Median().forward
    assert set(task.figures(data)) == {"forecasts"}, "a network that explains nothing"
