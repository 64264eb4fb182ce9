"""Linear forecasts end where least squares does, and the Temporal Fusion Transformer learns what it is shown."""

import pytest
import torch
from hyperplane.data.spec import PanelSpec
from torch.nn import functional

from my_research.models.ltsf_linear import DLinear, NLinear
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
