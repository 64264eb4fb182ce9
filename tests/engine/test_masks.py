"""What lies beyond the end of a signal changes no prediction, whatever stands there and however much of it."""

import pytest
import torch
from hyperplane.data.spec import DataSpec

from my_research.models.cnn import CNN
from my_research.models.linear import Linear
from my_research.models.mlp import MLP
from my_research.models.rnn import RNN
from my_research.models.rocket import Rocket

SPEC = DataSpec("classification", (12, 2), 3, has_mask=True)
LENGTHS = (12, 9, 7, 12, 8)


def signals():
    torch.manual_seed(0)
    return torch.randn(5, 12, 2), torch.arange(12) < torch.tensor(LENGTHS)[:, None]


def network(kind):
    torch.manual_seed(1)
    made = kind(SPEC)
    if hasattr(made, "solve"):
        made.solve(signals()[0], torch.arange(5) % 3, signals()[1])
    return made.eval()


def deep(spec):
    return RNN(spec, "lstm", num_layers=2)


def curved(spec):
    return CNN(spec, activation="sigmoid", stride=1)


@pytest.mark.parametrize("kind", [Linear, MLP, CNN, curved, RNN, deep, Rocket])
def test_more_padding_changes_nothing(kind):
    x, mask = signals()
    longer = torch.cat([torch.where(mask[..., None], x, 7.0), torch.randn(5, 4, 2)], dim=1)
    more = torch.cat([mask, torch.zeros(5, 4, dtype=torch.bool)], dim=1)
    model = network(kind)
    assert torch.allclose(model(longer, more), model(x, mask), atol=1e-6)
    assert not torch.allclose(model(x, torch.ones_like(mask)), model(x, mask), atol=1e-3), "the mask has an effect"


@pytest.mark.parametrize("kind", [CNN, curved, RNN, deep, Rocket])
def test_a_padded_signal_is_what_it_is_alone(kind):
    x, mask = signals()
    model = network(kind)
    together = model(x, mask)
    for number, length in enumerate(LENGTHS):
        alone = model(x[number : number + 1, :length], mask[number : number + 1, :length])
        assert torch.allclose(alone, together[number : number + 1], atol=1e-6)
