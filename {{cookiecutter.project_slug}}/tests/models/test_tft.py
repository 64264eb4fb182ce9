"""The Temporal Fusion Transformer says what a forecast depends on, and never looks ahead."""

import pytest
import torch
from hyperplane import DataSpec, PanelSpec, UserError

from {{ cookiecutter.package_name }}.models.tft import TFT

PANEL = PanelSpec(
    encoder_length=14,
    decoder_length=4,
    quantiles=(0.1, 0.5, 0.9),
    target="y",
    static_categoricals=("shop", "category"),
    known_reals=("discount",),
    known_categoricals=("weekday",),
    observed_reals=("temperature",),
    cardinalities={"shop": 6, "category": 3, "weekday": 7},
)


def windows():
    """Return the inputs of 20 windows: static, past reals and categories, future reals and categories."""
    static = torch.stack([torch.randint(6, (20,)), torch.randint(3, (20,))], dim=1)
    days = torch.randint(7, (20, 18, 1))
    return [static, torch.randn(20, 14, 3), days[:, :14], torch.randn(20, 4, 1), days[:, 14:]]


def test_weights_sum_to_one_and_later_steps_have_none():
    explained = TFT(PANEL, hidden_size=8, num_heads=2).eval().explain(*windows())
    assert explained.quantiles.shape == (20, 4, 3)
    assert explained.attention.shape == (20, 4, 18)
    assert explained.past_weights.shape == (20, 14, 4) and explained.future_weights.shape == (20, 4, 2)
    for weights in explained[1:]:
        assert (weights >= 0).all()
        assert torch.allclose(weights.sum(dim=-1), torch.ones(weights.shape[:-1]), atol=1e-5)
    for step in range(4):
        assert (explained.attention[:, step, 14 + step + 1 :] == 0).all()


def test_a_forecast_depends_on_known_inputs_up_to_its_step():
    network, inputs = TFT(PANEL, hidden_size=8, num_heads=2).eval(), windows()
    before = network(*inputs)
    inputs[3] = inputs[3].clone()
    inputs[3][:, 2] += 1.0  # the discount of the third step
    change = (network(*inputs) - before).abs().amax(dim=(0, 2))
    assert (change[:2] == 0).all() and (change[2:] > 0).all()


def test_gradients_reach_all_parameters():
    network = TFT(PANEL, hidden_size=8, num_heads=2)
    network(*windows()).square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in network.parameters())


def test_it_learns_a_forecast_that_follows_from_its_inputs():
    network, inputs = TFT(PANEL, dropout=0.0), windows()
    targets = inputs[3] + inputs[1][:, :1, :1]  # the discount, and the oldest value
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = (network(*inputs) - targets).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_a_panel_of_nothing_but_a_target_is_served():
    panel = PanelSpec(encoder_length=6, decoder_length=3, quantiles=(0.1, 0.5, 0.9), target="y")
    none, past, future = torch.zeros(5, 0).long(), torch.randn(5, 6, 1), torch.zeros(5, 3, 0)
    assert TFT(panel)(none, past, past[..., :0].long(), future, future.long()).shape == (5, 3, 3)


def test_other_data_are_refused():
    with pytest.raises(UserError, match="Choose data=demand"):
        TFT(DataSpec("classification", (40, 1), 10))
