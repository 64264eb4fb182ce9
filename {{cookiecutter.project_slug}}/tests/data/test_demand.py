"""The quantiles of `demand` are the true ones, so that no forecast beats them."""

import pytest
import torch
from hyperplane.metrics.quantile_loss import quantile_loss

from {{ cookiecutter.package_name }}.data.demand import Demand


@pytest.fixture(scope="module")
def data():
    data = Demand(num_series=30, num_steps=400, encoder_length=14, decoder_length=4, seed=0)
    data.setup()
    return data


def test_it_falls_below_its_quantiles_as_often_as_they_say(data):
    starts = torch.cat(list(data.starts.values()))
    below = data.raw_windows(starts).targets[..., None] < data.true_quantiles(starts)
    assert below.double().mean(dim=(0, 1)).tolist() == pytest.approx([0.1, 0.5, 0.9], abs=0.01)


def test_no_forecast_beats_the_true_quantiles_whose_loss_is_known(data):
    starts = data.starts["train"]
    true, targets = data.true_quantiles(starts), data.raw_windows(starts).targets.double()
    reached = quantile_loss(true, targets, data.quantiles).mean().item()
    assert reached == pytest.approx(data.best_possible("train"), rel=0.01)
    for worse in (true + 0.5, true - 0.5, true * 1.02):
        assert quantile_loss(worse, targets, data.quantiles).mean().item() > reached


def test_a_discount_lifts_demand_by_the_category_of_the_shop(data):
    discount, demand = data.rows.reals[:, 0], data.rows.reals[:, -1]
    for category, lift in enumerate((10, 40, 80)):
        rows = data.rows.static[:, 1] == category
        gain = demand[rows & (discount == 0.3)].mean() - demand[rows & (discount == 0)].mean()
        assert gain == pytest.approx(0.3 * lift, abs=3)
