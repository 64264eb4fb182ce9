"""The multilayer perceptron is its formula, and so are its activations."""

import math

import pytest
import torch
from hyperplane import DataSpec{% if cookiecutter.examples == 'all' %}, PanelSpec{% endif %}

from {{ cookiecutter.package_name }}.models.activations import ACTIVATIONS
from {{ cookiecutter.package_name }}.models.mlp import MLP

ROWS = DataSpec("classification", (7,), 4)
FORMULAS = {
    "identity": lambda x: x,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": lambda x: (math.exp(x) - math.exp(-x)) / (math.exp(x) + math.exp(-x)),
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x: x if x > 0 else 0.01 * x,
    "elu": lambda x: x if x > 0 else math.exp(x) - 1,
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "silu": lambda x: x / (1 + math.exp(-x)),
    "softplus": lambda x: math.log(1 + math.exp(x)),
    "mish": lambda x: x * math.tanh(math.log(1 + math.exp(x))),
}


def test_it_serves_inputs_of_any_shape(outputs_of):
    images = DataSpec("classification", (8, 8, 1), 3)
    assert outputs_of(MLP(images), images).shape == (5, 3)


@pytest.mark.parametrize("residual", [True, False])
def test_it_is_its_formula(residual):
    network, x = MLP(ROWS, hidden_sizes=(7, 7, 5, 5), residual=residual), torch.randn(5, 7)
    h = x
    # The first layer has no sum though sizes agree: it leaves the space of the inputs.
    for layer, adds in zip(network.hidden, [False, True, False, True], strict=True):
        z = (h @ layer.weight.T + layer.bias).clamp(min=0)
        h = h + z if residual and adds else z
    assert torch.allclose(network(x), h @ network.output.weight.T + network.output.bias, atol=1e-6)


@pytest.mark.parametrize("hidden_sizes", [(), (20, 20, 9)])
def test_depth_without_activation_is_one_affine_map(hidden_sizes):
    network = MLP(ROWS, hidden_sizes, activation="identity").double()
    shift = network(torch.zeros(1, 7).double())
    matrix = network(torch.eye(7).double()) - shift
    x = torch.randn(50, 7).double()
    assert torch.allclose(network(x), x @ matrix + shift, atol=1e-12)
{%- if cookiecutter.examples == 'all' %}


def test_of_a_panel_it_forecasts_quantiles_of_each_step_and_begins_at_a_naive_forecast():
    panel = PanelSpec(encoder_length=6, decoder_length=3, quantiles=(0.1, 0.9), target="y", lag=1)
    none, past, future = torch.zeros(5, 0).long(), torch.randn(5, 6, 1), torch.zeros(5, 3, 0)
    assert torch.equal(MLP(panel)(none, past, past[..., :0].long(), future, future.long()), torch.zeros(5, 3, 2))
{%- endif %}


def test_dropout_acts_in_training_alone():
    network, x = MLP(ROWS, dropout=0.5), torch.randn(5, 7)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_their_formulas(name):
    x = torch.linspace(-5, 5, 41, dtype=torch.float64)
    assert ACTIVATIONS[name]()(x).tolist() == pytest.approx([FORMULAS[name](value) for value in x.tolist()], abs=1e-12)
