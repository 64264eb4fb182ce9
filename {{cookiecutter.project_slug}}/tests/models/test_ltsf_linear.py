"""NLinear and DLinear are their formulas."""

import pytest
import torch
from hyperplane.data.spec import DataSpec, PanelSpec
from hyperplane.errors import UserError

from {{ cookiecutter.package_name }}.models.ltsf_linear import DLinear, NLinear


def alone(lag=0):
    """A panel of nothing but a target."""
    return PanelSpec(encoder_length=6, decoder_length=2, quantiles=(0.1, 0.5, 0.9), target="y", lag=lag)


@pytest.fixture
def walks():
    """The past of five windows of a target alone, and the inputs that hold it."""
    x, none = torch.randn(5, 6).cumsum(dim=1), torch.zeros(5, 6, 0)
    return x, (none[:, 0].long(), x[..., None], none.long(), none[:, :2], none[:, :2].long())


def filled(network):
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter)
    return network


def test_nlinear_is_counted_from_the_last_value(walks):
    network, (x, inputs) = filled(NLinear(alone())), walks
    expected = (x - x[:, -1:]) @ network.past.weight.T + network.past.bias
    torch.testing.assert_close(network(*inputs), expected.reshape(5, 2, 3) + x[:, -1:, None])
    higher = inputs[0], inputs[1] + 100, *inputs[2:]
    torch.testing.assert_close(network(*higher), network(*inputs) + 100, rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(NLinear(alone())(*inputs), x[:, -1:, None].expand(5, 2, 3))


def test_dlinear_maps_trend_and_remainder(walks):
    network, (x, inputs) = filled(DLinear(alone(), kernel_size=5)), walks
    padded = torch.cat([x[:, :1]] * 2 + [x] + [x[:, -1:]] * 2, dim=1)
    trend = torch.stack([padded[:, i : i + 5].mean(dim=1) for i in range(6)], dim=1)
    torch.testing.assert_close(network.trend_of(x), trend)
    expected = trend @ network.trend.weight.T + network.trend.bias + (x - trend) @ network.remainder.weight.T
    torch.testing.assert_close(network(*inputs), expected.reshape(5, 2, 3))


@pytest.mark.parametrize("kernel_size", [1, 4, 5, 25])
def test_the_trend_of_a_constant_is_the_constant(kernel_size):
    constant = torch.full((2, 6), 3.0)
    torch.testing.assert_close(DLinear(alone(), kernel_size).trend_of(constant), constant)


@pytest.mark.parametrize("model", [NLinear, DLinear])
def test_outputs_begin_at_the_naive_forecast_that_they_are_counted_from(model, walks):
    assert not model(alone(lag=4))(*walks[1]).any()


@pytest.mark.parametrize("model", [NLinear, DLinear])
def test_all_that_a_window_holds_counts(windows, model):
    panel, inputs = windows
    network = filled(model(panel))
    for number, values in enumerate(inputs):
        changed = list(inputs)
        changed[number] = values * 2 + 1 if values.is_floating_point() else (values + 1) % 3
        assert not torch.equal(network(*changed), network(*inputs))


@pytest.mark.parametrize(("model", "name"), [(NLinear, "nlinear"), (DLinear, "dlinear")])
def test_single_samples_are_refused(model, name):
    with pytest.raises(UserError, match=rf"model={name} forecasts time series, .* Choose data=panel"):
        model(DataSpec("classification", (7,), 4))
