"""The recurrent network is its formula, on signals step by step and on images row by row."""

import pytest
import torch
from hyperplane import DataSpec, UserError

from {{ cookiecutter.package_name }}.models.rnn import CELLS, RNN

SIGNALS = DataSpec("classification", (40, 1), 10)
TWO_CHANNELS = DataSpec("classification", (17, 2), 3)
WIDE = DataSpec("classification", (9, 14, 3), 4)


@pytest.mark.parametrize("spec", [SIGNALS, TWO_CHANNELS, WIDE], ids=lambda spec: str(spec.input_shape))
def test_it_reads_signals_and_images(outputs_of, spec):
    assert outputs_of(RNN(spec), spec).shape == (5, spec.output_size)


def test_it_has_the_size_of_the_published_protocol():
    # A gated recurrent unit has three gates, each with two biases; it reads in two directions.
    size = sum(map(torch.numel, RNN(SIGNALS).parameters()))
    assert size == 2 * 3 * (1 * 6 + 6 * 6 + 6 + 6) + (40 * 12 * 10 + 10)


def test_it_is_its_formula():
    network = RNN(TWO_CHANNELS, cell="rnn", hidden_size=3, bidirectional=False)
    w, u, b, c = network.recurrent.parameters()
    x, h, all_h = torch.randn(5, 17, 2), torch.zeros(5, 3), []
    for step in range(17):
        h = torch.tanh(x[:, step] @ w.T + h @ u.T + b + c)
        all_h.append(h)
    expected = torch.cat(all_h, dim=1) @ network.output.weight.T + network.output.bias
    assert torch.allclose(network(x), expected, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_a_deep_network_in_both_directions_is_that_of_torch(cell):
    network, x = RNN(WIDE, cell, hidden_size=5, num_layers=3), torch.randn(4, *WIDE.input_shape)
    reference = CELLS[cell](14 * 3, 5, 3, batch_first=True, bidirectional=True)
    reference.load_state_dict(network.recurrent.state_dict())
    h, _ = reference(x.reshape(4, 9, 42))
    assert torch.allclose(network(x), network.output(h.reshape(4, 9 * 10)), atol=1e-6)


def test_one_direction_never_looks_ahead():
    network, x = RNN(WIDE, bidirectional=False, num_layers=2), torch.randn(4, *WIDE.input_shape)
    other = x.clone()
    other[:, 5:] = 0
    before, after = (network.recurrent(images.flatten(2))[0][:, :5] for images in (x, other))
    assert torch.equal(before, after)


def test_data_without_steps_are_refused_in_a_sentence():
    with pytest.raises(UserError, match=r"needs texts, signals .* Try model=mlp\."):
        RNN(DataSpec("classification", (7,), 4))


def test_of_a_panel_it_reads_the_past_and_what_is_known(windows):
    panel, inputs = windows
    network = RNN(panel, cell="rnn", hidden_size=3, bidirectional=False)
    static, past_reals, past_days, price, days = inputs
    eye = torch.eye(7)
    h, _ = network.recurrent(torch.cat([past_reals, eye[past_days[..., 0]]], dim=2))
    known = [h.flatten(1), price.flatten(1), torch.eye(3)[static[:, 0]], eye[days[..., 0]].flatten(1)]
    assert torch.allclose(network(*inputs), network.output(torch.cat(known, dim=1)).reshape(5, 2, 3), atol=1e-6)
