"""Models that read signals read images as well."""

import pytest
import torch
from hyperplane.data.spec import DataSpec
from hyperplane.errors import UserError
from torch.nn import functional

from my_research.models.cnn import CNN
from my_research.models.rnn import RNN

DIGITS = DataSpec("classification", (8, 8, 1), 10)
WIDE = DataSpec("classification", (9, 14, 3), 4)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("spec", [DIGITS, WIDE], ids=lambda spec: str(spec.input_shape))
@pytest.mark.parametrize("model", [CNN, RNN])
def test_images_become_outputs(model, spec):
    network, x = model(spec).eval(), torch.randn(5, *spec.input_shape)
    outputs = network(x)
    assert outputs.shape == (5, spec.output_size)
    assert torch.allclose(outputs, torch.cat([network(sample[None]) for sample in x]), atol=1e-6)


def test_cnn_on_images_is_its_formula():
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


def test_an_image_too_small_for_the_convolutions_is_refused():
    with pytest.raises(UserError, match=r"kernel_sizes=\[5, 3, 3\].* 8 × 8 positions"):
        CNN(DIGITS, padding=0)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm"])
def test_a_deep_network_in_both_directions_is_that_of_torch(cell):
    network, x = RNN(WIDE, cell, hidden_size=5, num_layers=3, bidirectional=True), torch.randn(4, *WIDE.input_shape)
    kind = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[cell]
    reference = kind(14 * 3, 5, 3, batch_first=True, bidirectional=True)
    reference.load_state_dict(network.recurrent.state_dict())
    h, _ = reference(torch.stack([image.reshape(9, 42) for image in x]))
    assert torch.allclose(network(x), network.output(h.reshape(4, 9 * 10)), atol=1e-6)


def test_one_direction_never_looks_ahead():
    network, x = RNN(WIDE, bidirectional=False, num_layers=2), torch.randn(4, *WIDE.input_shape)
    other = x.clone()
    other[:, 5:] = 0
    before, after = (network.recurrent(images.flatten(2))[0][:, :5] for images in (x, other))
    assert torch.equal(before, after)


# Chosen on validation samples: the mean over four splits was 0.981.
CHOSEN = ("model.channels=[16,32]", "model.kernel_sizes=[3,3]", "model.stride=1", "model.dropout=0.3")


def test_a_cnn_reads_digits(train):
    options = ("trainer.max_epochs=40", "optimizer.lr=0.005", "scheduler=cosine")
    assert train("data=digits", "model=cnn", *CHOSEN, *options).summary["metrics"]["test/accuracy"] > 0.97
