"""Linear forecasts end where least squares does, N-BEATS is its sum, and networks learn what they are shown."""

from dataclasses import replace

import pytest
import torch
from hyperplane.data.spec import PanelSpec
from torch.nn import functional

from my_research.models.ltsf_linear import DLinear, NLinear
from my_research.models.n_beats import NBeats
from my_research.models.tft import TFT

E, H = 12, 3
KNOWN = {"static_categoricals": ("shop",), "known_reals": ("price",), "known_categoricals": ("day",)}


def drawn(count, quantiles, **variables):
    """A panel with these variables, and random inputs of windows, see `Windows`."""
    torch.manual_seed(0)
    sizes = {"encoder_length": E, "decoder_length": H, "cardinalities": {"shop": 3, "day": 7}}
    panel = PanelSpec(target="y", quantiles=quantiles, **sizes, **variables)
    return panel, (
        torch.randint(3, (count, len(panel.static_categoricals))),
        torch.randn(count, E, len(panel.reals)).cumsum(dim=1),
        torch.randint(7, (count, E, len(panel.categoricals))),
        torch.randn(count, H, len(panel.known_reals)),
        torch.randint(7, (count, H, len(panel.known_categoricals))),
    )


@pytest.mark.parametrize("model", [NLinear, DLinear])
@pytest.mark.parametrize("variables", [{}, KNOWN], ids=["alone", "covariates"])
def test_training_ends_at_the_least_squares_in_closed_form(model, variables):
    panel, inputs = drawn(400, (0.5,), **variables)
    network, inputs = model(panel).double(), tuple(x.double() if x.is_floating_point() else x for x in inputs)
    static, past, past_days, price, days = inputs
    last = past[:, -1:, -1]
    y = last + 0.5 * past[:, :H, -1] + torch.randn(400, H)
    # NLinear counts from the last value; the weight of that one is what the others leave.
    base, own = (last, past[:, :-1, -1] - last) if model is NLinear else (0, past[..., -1])
    columns = [own, torch.ones(400, 1)]
    if variables:
        y = y - 2 * price[..., 0] + static
        categories = (static, 3), (past_days, 7), (days, 7)
        columns += [past[..., 0], price[..., 0]]
        columns += [functional.one_hot(values[..., 0], count).flatten(1) for values, count in categories]
    x = torch.cat([column.double() for column in columns], dim=1)
    # Columns of 0 and 1 sum to 1, so many solutions are the best: they forecast the same.
    best = base + x @ torch.linalg.lstsq(x, y - base, driver="gelsd").solution
    precise = {"tolerance_grad": 1e-12, "tolerance_change": 1e-16, "line_search_fn": "strong_wolfe"}
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=3000, max_eval=6000, **precise)

    def loss():
        optimizer.zero_grad()
        value = functional.mse_loss(network(*inputs)[..., 0], y)
        value.backward()
        return value

    optimizer.step(loss)
    assert loss().item() == pytest.approx(functional.mse_loss(best, y).item(), rel=1e-6)
    torch.testing.assert_close(network(*inputs)[..., 0], best, rtol=0, atol=1e-3)


def test_the_transformer_learns_a_forecast_that_follows_from_its_inputs():
    panel, inputs = drawn(20, (0.1, 0.5, 0.9), **KNOWN, observed_reals=("rain",))
    network = TFT(panel, dropout=0.0)
    targets = inputs[3] + inputs[1][:, :1, :1]  # the price, and the oldest value
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    losses = []
    for _ in range(60):
        optimizer.zero_grad()
        loss = (network(*inputs) - targets).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_blocks_of_n_beats_forecast_from_what_those_before_them_leave():
    panel, inputs = drawn(5, (0.1, 0.9), **KNOWN, observed_reals=("rain",))
    network = NBeats(panel, num_blocks=3, num_layers=2, hidden_size=7)
    static, past, past_days, price, days = inputs
    z = torch.cat([past[..., :-1], functional.one_hot(past_days[..., 0], 7)], dim=2).flatten(1)
    z = torch.cat([z, price.flatten(1), *(functional.one_hot(v, n).flatten(1) for v, n in ((static, 3), (days, 7)))], 1)
    weights, x, total = network.state_dict(), past[..., -1], 0
    for i in range(3):
        h = torch.cat([x, z], dim=1)
        for layer in (0, 2):
            h = (h @ weights[f"blocks.{i}.{layer}.weight"].T + weights[f"blocks.{i}.{layer}.bias"]).relu()
        total = total + h @ weights[f"parts.{i}.weight"].T + weights[f"parts.{i}.bias"]
        if i < 2:
            x = x - h @ weights[f"backcasts.{i}.weight"].T - weights[f"backcasts.{i}.bias"]
    torch.testing.assert_close(network(*inputs), total.reshape(5, H, 2))
    assert network(*inputs).abs().sum() > 0 and not NBeats(replace(panel, lag=4))(*inputs).any()


def test_n_beats_learns_how_a_sine_goes_on():
    panel, inputs = drawn(200, (0.5,))
    waves = (torch.arange(E + H) * 0.7 + 6.3 * torch.rand(200, 1)).sin()
    past, targets = waves[:, :E, None], waves[:, E:, None]
    network = NBeats(panel)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.003)
    for _ in range(150):
        optimizer.zero_grad()
        functional.mse_loss(network(inputs[0], past, *inputs[2:])[:150], targets[:150]).backward()
        optimizer.step()
    errors = (network(inputs[0], past, *inputs[2:]) - targets)[150:]
    assert errors.square().mean() < 0.01 * targets.square().mean()
