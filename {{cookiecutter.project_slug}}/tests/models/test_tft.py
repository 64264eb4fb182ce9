"""The Temporal Fusion Transformer says what a forecast depends on, and never looks ahead."""

from dataclasses import replace

import pytest
import torch
from hyperplane import DataSpec, PanelSpec, UserError

from {{ cookiecutter.package_name }}.models.tft import TFT


def test_weights_sum_to_one_and_later_steps_have_none(windows):
    panel, inputs = windows
    explained = TFT(panel, hidden_size=8, num_heads=2).eval().explain(*inputs)
    assert explained.quantiles.shape == (5, 2, 3)
    assert explained.attention.shape == (5, 2, 8)
    assert explained.past_weights.shape == (5, 6, 3) and explained.future_weights.shape == (5, 2, 2)
    for weights in explained[1:]:
        assert (weights >= 0).all()
        assert torch.allclose(weights.sum(dim=-1), torch.ones(weights.shape[:-1]), atol=1e-5)
    assert (explained.attention[:, 0, 7:] == 0).all()


def test_a_forecast_depends_on_known_inputs_up_to_its_step(windows):
    panel, inputs = windows
    network = TFT(panel, hidden_size=8, num_heads=2).eval()
    before = network(*inputs)
    inputs[3][:, 1] += 1.0  # the price of the second step
    change = (network(*inputs) - before).abs().amax(dim=(0, 2))
    assert change[0] == 0 and change[1] > 0


def test_gradients_reach_all_parameters(windows):
    panel, (shop, *others) = windows
    # Of two static variables: one alone is not weighed against others.
    panel = replace(panel, static_categoricals=("shop", "size"), cardinalities={"shop": 3, "size": 3, "day": 7})
    network = TFT(panel, hidden_size=8, num_heads=2)
    network(shop.repeat(1, 2), *others).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in network.parameters())


def test_a_panel_of_nothing_but_a_target_is_served():
    panel = PanelSpec(encoder_length=6, decoder_length=3, quantiles=(0.1, 0.5, 0.9), target="y")
    none, past, future = torch.zeros(5, 0).long(), torch.randn(5, 6, 1), torch.zeros(5, 3, 0)
    assert TFT(panel)(none, past, past[..., :0].long(), future, future.long()).shape == (5, 3, 3)


def test_other_data_are_refused():
    with pytest.raises(UserError, match="model=tft forecasts time series, .* Choose data=panel"):
        TFT(DataSpec("classification", (40, 1), 10))
