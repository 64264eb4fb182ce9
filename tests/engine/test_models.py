"""Networks compute the formula in their file, in sizes that follow from the data."""

import math

import pytest
import torch
from hyperplane.data.spec import DataSpec
from hyperplane.errors import UserError

from my_research.models.activations import ACTIVATIONS
from my_research.models.cnn import CNN
from my_research.models.linear import Linear
from my_research.models.mlp import MLP
from my_research.models.rnn import RNN

SIGNALS = DataSpec("classification", (40, 1), 10)
TWO_CHANNELS = DataSpec("classification", (17, 2), 3)
POINTS = DataSpec("classification", (2,), 2)
ROWS = DataSpec("classification", (7,), 4)
MODELS = [Linear, MLP, CNN, RNN]
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


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def inputs(spec, samples=5):
    return torch.randn(samples, *spec.input_shape)


@pytest.mark.parametrize(
    ("model", "count"),
    [
        (Linear, 40 * 10 + 10),
        (MLP, (40 * 100 + 100) + (100 * 100 + 100) + (100 * 10 + 10)),  # 15210
        (CNN, (1 * 25 * 5 + 25) + 2 * (25 * 25 * 3 + 25) + (125 * 10 + 10)),  # 5210
        # A gated recurrent unit has three gates, each with two biases; it reads in two directions.
        (RNN, 2 * 3 * (1 * 6 + 6 * 6 + 6 + 6) + (40 * 12 * 10 + 10)),  # 5134
    ],
)
def test_networks_have_the_size_of_the_published_protocol(model, count):
    assert parameters(model(SIGNALS)) == count


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("spec", [SIGNALS, TWO_CHANNELS, POINTS, ROWS], ids=lambda spec: str(spec.input_shape))
def test_a_model_serves_the_data_that_fit_and_refuses_others_in_a_sentence(model, spec):
    if model in (CNN, RNN) and len(spec.input_shape) == 1:
        with pytest.raises(UserError, match=r"needs signals .* Try model=mlp\.") as mistake:
            model(spec)
        assert len(str(mistake.value).splitlines()) == 1
        return
    network = model(spec).eval()
    x = inputs(spec)
    outputs = network(x)
    assert outputs.shape == (5, spec.output_size)
    alone = torch.cat([network(sample[None]) for sample in x])
    assert torch.allclose(outputs, alone, atol=1e-6), "samples of a batch do not see each other"


def test_linear_is_a_weighted_sum_of_the_features():
    network, x = Linear(TWO_CHANNELS), inputs(TWO_CHANNELS)
    weight, bias = network.parameters()
    assert torch.allclose(network(x), x.reshape(5, 34) @ weight.T + bias, atol=1e-6)


@pytest.mark.parametrize("residual", [True, False])
def test_mlp_is_its_formula(residual):
    network, x = MLP(ROWS, hidden_sizes=(6, 6, 5, 5), residual=residual), inputs(ROWS)
    sums = [False, residual, False, residual]  # where a layer's input and output have the same size
    h = x
    for layer, adds in zip(network.hidden, sums, strict=True):
        z = (h @ layer.weight.T + layer.bias).clamp(min=0)
        h = h + z if adds else z
    assert torch.allclose(network(x), h @ network.output.weight.T + network.output.bias, atol=1e-6)


def test_the_first_layer_has_no_residual_sum_even_where_sizes_agree():
    network, x = MLP(ROWS, hidden_sizes=(7,), residual=True), inputs(ROWS)
    h = network.hidden[0](x).clamp(min=0)
    assert torch.allclose(network(x), network.output(h))


def test_an_mlp_without_hidden_layers_is_linear():
    assert parameters(MLP(SIGNALS, hidden_sizes=())) == parameters(Linear(SIGNALS))


def test_depth_without_activation_is_one_affine_map():
    network = MLP(ROWS, hidden_sizes=(20, 20, 9), activation="identity").double()
    shift = network(torch.zeros(1, 7).double())
    matrix = network(torch.eye(7).double()) - shift
    x = inputs(ROWS, 50).double()
    assert torch.allclose(network(x), x @ matrix + shift, atol=1e-12)


def test_cnn_is_its_formula():
    network = CNN(TWO_CHANNELS, channels=(4, 3), kernel_sizes=(5, 3), stride=2, padding=1, activation="tanh")
    x = inputs(TWO_CHANNELS)
    h = x.transpose(1, 2)
    for layer in network.convolutions:
        if not isinstance(layer, torch.nn.Conv1d):
            continue
        padded = torch.zeros(5, h.shape[1], h.shape[2] + 2)
        padded[:, :, 1:-1] = h
        width = layer.weight.shape[2]
        windows = [padded[:, :, start : start + width] for start in range(0, padded.shape[2] - width + 1, 2)]
        sums = [torch.einsum("bcw,ocw->bo", window, layer.weight) + layer.bias for window in windows]
        h = torch.tanh(torch.stack(sums, dim=2))
    expected = h.reshape(5, -1) @ network.output.weight.T + network.output.bias
    assert torch.allclose(network(x), expected, atol=1e-6)


@pytest.mark.parametrize("positions", [9, 40, 41, 100])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_cnn_sizes_follow_from_the_data(positions, stride):
    spec = DataSpec("classification", (positions, 1), 10)
    assert CNN(spec, stride=stride)(inputs(spec)).shape == (5, 10)


@pytest.mark.parametrize(("shape", "strides"), [((40, 1), (40, 1)), ((17, 2), (17, 1)), ((8, 9, 3), (1, 27, 3))])
def test_cnn_convolves_signals_with_channels_first_and_images_with_channels_last(shape, strides):
    network, seen = CNN(DataSpec("classification", shape, 10)), []
    network.convolutions.register_forward_pre_hook(lambda module, arguments: seen.append(arguments[0]))
    network(torch.zeros(5, *shape))
    assert [h.stride()[1:] for h in seen] == [strides], "torch tells the layout by them, and takes longer in the other"


def test_a_signal_too_short_for_the_convolutions_is_refused():
    with pytest.raises(UserError, match=r"kernel_sizes=\[50, 3, 3\].*40 positions"):
        CNN(SIGNALS, kernel_sizes=(50, 3, 3))


def test_rnn_is_its_formula():
    network = RNN(TWO_CHANNELS, cell="rnn", hidden_size=3, bidirectional=False)
    w, u, b, c = (parameter for name, parameter in network.named_parameters() if "recurrent" in name)
    x, h, all_h = inputs(TWO_CHANNELS), torch.zeros(5, 3), []
    for step in range(17):
        h = torch.tanh(x[:, step] @ w.T + h @ u.T + b + c)
        all_h.append(h)
    expected = torch.cat(all_h, dim=1) @ network.output.weight.T + network.output.bias
    assert torch.allclose(network(x), expected, atol=1e-6)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_layers", [1, 2])
def test_rnn_sizes_follow_from_the_settings(cell, bidirectional, num_layers):
    network = RNN(TWO_CHANNELS, cell, hidden_size=4, num_layers=num_layers, bidirectional=bidirectional)
    assert network(inputs(TWO_CHANNELS)).shape == (5, 3)
    assert network.output.in_features == 17 * 4 * (2 if bidirectional else 1)


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_are_their_formulas(name):
    x = torch.linspace(-5, 5, 41, dtype=torch.float64)
    expected = [FORMULAS[name](value) for value in x.tolist()]
    assert ACTIVATIONS[name]()(x).tolist() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("model", [MLP, CNN])
def test_dropout_acts_in_training_alone(model):
    network, x = model(SIGNALS, dropout=0.5), inputs(SIGNALS)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
