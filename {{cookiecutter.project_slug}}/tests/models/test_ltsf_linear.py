"""NLinear and DLinear are their formulas, and end where least squares does."""

import pytest
import torch
from hyperplane.data.spec import DataSpec, PanelSpec
from hyperplane.errors import UserError
from torch.nn import functional

from {{ cookiecutter.package_name }}.models.ltsf_linear import DLinear, NLinear

E, H, QUANTILES = 12, 3, (0.1, 0.5, 0.9)
KNOWN = {"static_categoricals": ("shop",), "known_reals": ("price",), "known_categoricals": ("day",)}


def spec(lag=0, quantiles=QUANTILES, **variables):
    sizes = {"encoder_length": E, "decoder_length": H, "cardinalities": {"shop": 3, "day": 7}}
    return PanelSpec(target="y", quantiles=quantiles, lag=lag, **sizes, **variables)


def windows(count, panel):
    """Random inputs of windows, see `Windows`."""
    return (
        torch.randint(3, (count, len(panel.static_categoricals))),
        torch.randn(count, E, len(panel.reals)).cumsum(dim=1),
        torch.randint(7, (count, E, len(panel.categoricals))),
        torch.randn(count, H, len(panel.known_reals)),
        torch.randint(7, (count, H, len(panel.known_categoricals))),
    )


def filled(network):
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    return network


def test_nlinear_is_counted_from_the_last_value():
    network, inputs = filled(NLinear(spec())), windows(5, spec())
    x = inputs[1][..., -1]
    expected = (x - x[:, -1:]) @ network.past.weight.T + network.past.bias
    torch.testing.assert_close(network(*inputs), expected.reshape(5, H, 3) + x[:, -1:, None])
    higher = inputs[0], inputs[1] + 100, *inputs[2:]
    torch.testing.assert_close(network(*higher), network(*inputs) + 100, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(NLinear(spec())(*inputs), x[:, -1:, None].expand(5, H, 3))


def test_dlinear_maps_trend_and_remainder():
    network, inputs = filled(DLinear(spec(), kernel_size=5)), windows(4, spec())
    x = inputs[1][..., -1]
    padded = torch.cat([x[:, :1]] * 2 + [x] + [x[:, -1:]] * 2, dim=1)
    trend = torch.stack([padded[:, i : i + 5].mean(dim=1) for i in range(E)], dim=1)
    torch.testing.assert_close(network.trend_of(x), trend)
    expected = trend @ network.trend.weight.T + network.trend.bias + (x - trend) @ network.remainder.weight.T
    torch.testing.assert_close(network(*inputs), expected.reshape(4, H, 3))


@pytest.mark.parametrize("kernel_size", [1, 4, 5, 25])
def test_the_trend_of_a_constant_is_the_constant(kernel_size):
    constant = torch.full((2, E), 3.0)
    torch.testing.assert_close(DLinear(spec(), kernel_size).trend_of(constant), constant)


@pytest.mark.parametrize("model", [NLinear, DLinear])
def test_outputs_begin_at_the_naive_forecast_that_they_are_counted_from(model):
    assert not model(spec(lag=4))(*windows(5, spec())).any()


@pytest.mark.parametrize("model", [NLinear, DLinear])
@pytest.mark.parametrize("variables", [{}, KNOWN], ids=["alone", "covariates"])
def test_training_ends_at_the_least_squares_in_closed_form(model, variables):
    panel = spec(quantiles=(0.5,), **variables)
    network, inputs = model(panel).double(), windows(400, panel)
    inputs = tuple(x.double() if x.is_floating_point() else x for x in inputs)
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


@pytest.mark.parametrize("model", [NLinear, DLinear])
def test_all_that_a_window_holds_counts(model):
    panel = spec(**KNOWN, observed_reals=("rain",))
    network, inputs = filled(model(panel)), windows(5, panel)
    for number, values in enumerate(inputs):
        changed = list(inputs)
        changed[number] = values * 2 + 1 if values.is_floating_point() else (values + 1) % 3
        assert not torch.equal(network(*changed), network(*inputs))


@pytest.mark.parametrize(("model", "name"), [(NLinear, "nlinear"), (DLinear, "dlinear")])
def test_single_samples_are_refused(model, name):
    with pytest.raises(UserError, match=rf"model={name} forecasts time series, .* Choose data=panel"):
        model(DataSpec("classification", (7,), 4))
