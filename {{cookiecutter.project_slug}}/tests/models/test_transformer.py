"""The transformer is its formula; without positional encoding its tokens are a set."""

import math

import pytest
import torch
from hyperplane import DataSpec, UserError

from {{ cookiecutter.package_name }}.models.transformer import Attention, Patches, Transformer, sinusoids

SIGNALS = DataSpec("classification", (40, 1), 10)


@pytest.mark.parametrize("shape", [(7,), (40, 1), (17, 2), (8, 8, 1), (9, 6, 3)], ids=str)
def test_it_reads_tables_signals_and_images(outputs_of, shape):
    spec = DataSpec("classification", shape, 3)
    assert outputs_of(Transformer(spec), spec).shape == (5, 3)


def test_data_of_another_shape_are_refused():
    with pytest.raises(UserError, match=r"reads tables, signals and images, .* \(2, 3, 4, 5\)\. Try model=mlp"):
        Transformer(DataSpec("classification", (2, 3, 4, 5), 3))


def test_every_value_lands_in_the_patch_where_it_lies():
    image = torch.arange(6 * 5).reshape(1, 6, 5, 1)  # padded to 6 × 6
    first, *_, last = Patches((6, 5, 1), 2)(image)[0]
    assert first.tolist() == [0, 1, 5, 6]
    assert last.tolist() == [24, 0, 29, 0]
    signal = torch.arange(10).reshape(1, 5, 2)
    assert Patches((5, 2), 3)(signal)[0].tolist() == [[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 0, 0]]
    assert Patches((3,), 4)(torch.arange(3)[None])[0].tolist() == [[0], [1], [2]]


def test_attention_is_its_formula():
    attention, h = Attention(model_size=6, num_heads=2, dropout=0.0), torch.randn(3, 5, 6)
    q, k, v = (h @ attention.query_key_value.weight.T + attention.query_key_value.bias).split(6, dim=2)
    heads = []
    for head in (slice(0, 3), slice(3, 6)):
        agreement = q[..., head] @ k[..., head].transpose(1, 2) / math.sqrt(3)
        heads.append(agreement.softmax(dim=2) @ v[..., head])
    assert torch.allclose(attention(h), attention.output(torch.cat(heads, dim=2)), atol=1e-6)


@pytest.mark.parametrize("encoding", ["none", "sinusoidal", "learned"])
def test_only_positional_encoding_tells_the_order_of_the_tokens(encoding):
    network, x = Transformer(SIGNALS, patch_size=5, positional_encoding=encoding).eval(), torch.randn(4, 40, 1)
    permuted = x.unflatten(1, (8, 5))[:, torch.randperm(8)].flatten(1, 2)
    assert torch.allclose(network(x), network(permuted), atol=1e-5) == (encoding == "none")


def test_sinusoids_are_those_of_the_paper():
    encoding = sinusoids(50, 6)
    for position in (0, 1, 49):
        for i in range(3):
            angle = position / 10_000 ** (2 * i / 6)
            assert encoding[position, 2 * i] == pytest.approx(math.sin(angle), abs=1e-5)
            assert encoding[position, 2 * i + 1] == pytest.approx(math.cos(angle), abs=1e-5)
    assert sinusoids(4, 5).shape == (4, 5)


def test_dropout_acts_in_training_alone():
    network, x = Transformer(SIGNALS, dropout=0.5), torch.randn(4, 40, 1)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_its_size_follows_from_its_settings():
    e, f, layers, patches = 32, 64, 2, 10
    block = 2 * 2 * e + (e * 3 * e + 3 * e) + (e * e + e) + (e * f + f) + (f * e + e)
    others = (4 * e + e) + 2 * e + (e * 10 + 10)
    for encoding, extra in (("sinusoidal", 0), ("learned", patches * e)):
        network = Transformer(SIGNALS, positional_encoding=encoding)
        assert sum(map(torch.numel, network.parameters())) == layers * block + others + extra


def test_of_a_panel_it_reads_the_past_and_what_is_known(windows):
    panel, inputs = windows
    network = Transformer(panel).eval()
    static, past_reals, past_days, price, days = inputs
    eye = torch.eye(7)
    mean = network.encode(torch.cat([past_reals, eye[past_days[..., 0]]], dim=2))
    known = [mean, price.flatten(1), torch.eye(3)[static[:, 0]], eye[days[..., 0]].flatten(1)]
    assert torch.allclose(network(*inputs), network.output(torch.cat(known, dim=1)).reshape(5, 2, 3), atol=1e-5)


def test_a_class_token_makes_it_a_vision_transformer():
    x = torch.randn(3, 16, 12, 3)
    network = Transformer(DataSpec("classification", (16, 12, 3), 4), patch_size=None, pooling="class_token").eval()
    tokens = network.embedding(network.patches(x)) + network.positions
    h = torch.cat([network.class_token.expand(3, 1, -1), tokens], dim=1)
    for block in network.blocks:
        h = block(h)
    assert torch.allclose(network(x), network.output(network.norm(h)[:, 0]), atol=1e-6)
