"""GPT sees what came before, and nothing else; its tokens are embedded by what predicts them."""

import math

import pytest
import torch
from hyperplane import DataSpec, TextSpec, UserError
from torch.nn import functional

from {{ cookiecutter.package_name }}.models.gpt import GPT

LETTERS = {"tokens": "characters", "vocabulary": ("[padding]", "[unknown]", *"abcdefg")}
TEXT = TextSpec(task="next_token", input_shape=(16,), output_size=9, **LETTERS)


def test_a_position_depends_on_earlier_tokens_alone():
    network, x = GPT(TEXT).eval(), torch.randint(9, (2, 16))
    other = torch.cat([x[:, :7], (x[:, 7:] + 1) % 9], dim=1)
    before, after = network(x), network(other)
    assert torch.allclose(before[:, :, :7], after[:, :, :7], atol=1e-6)
    assert not torch.isclose(before[:, :, 7:], after[:, :, 7:]).all(dim=1).any()
    assert torch.allclose(network(x[:, :5]), before[:, :, :5], atol=1e-6), "of a shorter text it says the same"


def test_its_size_follows_from_its_settings_and_it_begins_without_an_opinion():
    network, x = GPT(TEXT, model_size=32, num_layers=3), torch.randint(9, (8, 16))
    assert functional.cross_entropy(network(x), x).item() == pytest.approx(math.log(9), abs=0.1)
    e, block = 32, 12 * 32 * 32 + 13 * 32
    assert sum(map(torch.numel, network.parameters())) == 9 * e + 16 * e + 3 * block + 2 * e
    with pytest.raises(UserError, match="predicts the next token of data=corpus; these data are for regression"):
        GPT(DataSpec("regression", (3,), 1))
