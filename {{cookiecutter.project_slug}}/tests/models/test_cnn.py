"""The convolutional network is its formula on signals and on images, in sizes that follow from the data."""

import pytest
import torch
from hyperplane import DataSpec, UserError
from torch.nn import functional

from {{ cookiecutter.package_name }}.models.cnn import CNN

SIGNALS = DataSpec("classification", (40, 1), 10)
TWO_CHANNELS = DataSpec("classification", (17, 2), 3)
DIGITS = DataSpec("classification", (8, 8, 1), 10)
WIDE = DataSpec("classification", (9, 14, 3), 4)


@pytest.mark.parametrize("spec", [SIGNALS, TWO_CHANNELS, DIGITS, WIDE], ids=lambda spec: str(spec.input_shape))
def test_it_reads_signals_and_images(outputs_of, spec):
    assert outputs_of(CNN(spec), spec).shape == (5, spec.output_size)


def test_it_has_the_size_of_the_published_protocol():
    size = sum(map(torch.numel, CNN(SIGNALS).parameters()))
    assert size == (1 * 25 * 5 + 25) + 2 * (25 * 25 * 3 + 25) + (125 * 10 + 10)


def test_on_signals_it_is_its_formula():
    network = CNN(TWO_CHANNELS, channels=(4, 3), kernel_sizes=(5, 3), stride=2, padding=1, activation="tanh")
    x = torch.randn(5, 17, 2)
    h = x.transpose(1, 2)
    for layer in network.convolutions:
        if isinstance(layer, torch.nn.Conv1d):
            padded = functional.pad(h, (1, 1))
            width = layer.weight.shape[2]
            windows = [padded[:, :, start : start + width] for start in range(0, padded.shape[2] - width + 1, 2)]
            sums = [torch.einsum("bcw,ocw->bo", window, layer.weight) + layer.bias for window in windows]
            h = torch.tanh(torch.stack(sums, dim=2))
    expected = h.reshape(5, -1) @ network.output.weight.T + network.output.bias
    assert torch.allclose(network(x), expected, atol=1e-6)


def test_on_images_it_is_its_formula():
    network = CNN(WIDE, channels=(4, 5), kernel_sizes=(5, 3), stride=2, padding=1)
    x = torch.randn(5, *WIDE.input_shape)
    h = x.permute(0, 3, 1, 2)
    for layer in network.convolutions:
        if isinstance(layer, torch.nn.Conv2d):
            windows = functional.unfold(h, layer.kernel_size, padding=1, stride=2)  # (B, C·k·k, places)
            sums = layer.weight.flatten(1) @ windows + layer.bias[:, None]
            rows = (h.shape[2] + 2 - layer.kernel_size[0]) // 2 + 1
            h = sums.clamp(min=0).unflatten(2, (rows, -1))
    assert torch.allclose(network(x), network.output(h.flatten(1)), atol=1e-5)


@pytest.mark.parametrize("positions", [9, 40, 41, 100])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_sizes_follow_from_the_data(positions, stride):
    spec = DataSpec("classification", (positions, 1), 10)
    assert CNN(spec, stride=stride)(torch.randn(5, positions, 1)).shape == (5, 10)


@pytest.mark.parametrize(
    ("spec", "settings", "message"),
    [
        (DataSpec("classification", (7,), 4), {}, r"needs texts, signals .* Try model=mlp\."),
        (SIGNALS, {"kernel_sizes": (50, 3, 3)}, r"kernel_sizes=\[50, 3, 3\].*40 positions"),
        (DIGITS, {"padding": 0}, r"kernel_sizes=\[5, 3, 3\].* 8 × 8 positions"),
    ],
)
def test_data_that_do_not_fit_are_refused_in_a_sentence(spec, settings, message):
    with pytest.raises(UserError, match=message):
        CNN(spec, **settings)


def test_dropout_acts_in_training_alone():
    network, x = CNN(SIGNALS, dropout=0.5), torch.randn(5, 40, 1)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))
