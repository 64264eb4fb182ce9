"""Recurrent layers as batched products are those of torch with first and second derivatives, for many members too."""

import copy

import pytest
import torch
from hyperplane.recurrent import GRU, LSTM, RNN, use_scans
from torch import nn
from torch.func import functional_call, grad, stack_module_state, vmap
from torch.nn.functional import dropout
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

KINDS = {
    "gru": (nn.GRU, GRU, {}),
    "lstm": (nn.LSTM, LSTM, {}),
    "tanh": (nn.RNN, RNN, {}),
    "relu": (nn.RNN, RNN, {"nonlinearity": "relu"}),
}
OPTIONS = [
    {},
    {"num_layers": 2, "bidirectional": True, "batch_first": True},
    {"bidirectional": True, "bias": False},
    {"num_layers": 3, "batch_first": True, "bias": False},
]


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    monkeypatch.setattr(LSTM, "is_faster", True)  # so that it is compared outside of a stack as well


def pair(kind, **options):
    """Return a layer of torch and its drop-in, with the same parameters."""
    theirs, ours, more = KINDS[kind]
    torch.manual_seed(1)
    layer = theirs(3, 5, **more, **options).double()
    drop_in = copy.deepcopy(layer)
    use_scans(drop_in)
    assert type(layer) is theirs and type(drop_in) is ours
    return layer, drop_in


def results(layer, is_given):
    """Return outputs, last states, and first and second derivatives by inputs, first states and parameters."""
    torch.manual_seed(2)
    x = torch.randn(3, 4, 3, dtype=torch.float64, requires_grad=True)
    batch = 3 if layer.batch_first else 4
    shape = (layer.num_layers * (2 if layer.bidirectional else 1), batch, 5)
    h, c = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in range(2))
    is_lstm = isinstance(layer, nn.LSTM)
    y, ends = layer(x, ((h, c) if is_lstm else h) if is_given else None)
    found = [y, *(ends if is_lstm else [ends])]
    loss = sum((one * torch.randn(one.shape).double()).sum() for one in found)
    leaves = [x, *layer.parameters(), *([h, c][: 1 + is_lstm] if is_given else [])]
    first = torch.autograd.grad(loss, leaves, create_graph=True)
    second = torch.autograd.grad(sum((one**2).sum() for one in first), leaves)
    return [*found, *first, *second]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_derivatives_are_those_of_torch(kind, options):
    layer, drop_in = pair(kind, **options)
    for is_given in (False, True):
        expected, found = results(layer, is_given), results(drop_in, is_given)
        for one, other in zip(expected, found, strict=True):
            assert torch.allclose(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_agrees_to_a_millionth(kind):
    layer, drop_in = (one.float() for one in pair(kind, bidirectional=True, batch_first=True))
    x, weights = torch.randn(20, 40, 3), torch.randn(20, 40, 10) / 1000
    for one in (layer, drop_in):
        (one(x)[0] * weights).sum().backward()
    assert torch.allclose(layer(x)[0], drop_in(x)[0], rtol=0, atol=1e-6)
    for theirs, ours in zip(layer.parameters(), drop_in.parameters(), strict=True):
        assert torch.allclose(theirs.grad, ours.grad, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_members_have_the_gradients_that_each_has_alone(kind):
    layers = [pair(kind, num_layers=2, bidirectional=True, batch_first=True) for _ in range(3)]
    for _, drop_in in layers[1:]:
        drop_in.reset_parameters()
    members = [drop_in for _, drop_in in layers]
    stacked, _ = stack_module_state(members)
    x = torch.randn(3, 4, 6, 3, dtype=torch.float64)

    def loss(parameters, x):
        return functional_call(members[0], parameters, (x,))[0].square().sum()

    def penalty(parameters, x):
        return sum(one.square().sum() for one in grad(loss)(parameters, x).values())

    own, same, second = (
        vmap(grad(loss))(stacked, x),
        vmap(grad(loss), (0, None))(stacked, x[0]),
        vmap(grad(penalty))(stacked, x),
    )
    for index, (layer, drop_in) in enumerate(layers):
        layer.load_state_dict(drop_in.state_dict())
        names, parameters = zip(*layer.named_parameters(), strict=True)
        for inputs, found in ((x[index], own), (x[0], same)):
            expected = torch.autograd.grad(layer(inputs)[0].square().sum(), parameters, create_graph=True)
            for name, one in zip(names, expected, strict=True):
                assert torch.allclose(found[name][index], one, rtol=1e-10, atol=1e-10)
            if found is own:
                of_penalty = torch.autograd.grad(sum(one.square().sum() for one in expected), parameters)
                for name, one in zip(names, of_penalty, strict=True):
                    assert torch.allclose(second[name][index], one, rtol=1e-10, atol=1e-8)


def test_units_between_layers_are_dropped_in_training_alone():
    layer, drop_in = pair("gru", num_layers=2, dropout=0.5)
    x = torch.randn(4, 7, 3, dtype=torch.float64)
    torch.manual_seed(3)
    y = drop_in(x)[0]
    torch.manual_seed(3)
    assert torch.equal(y, drop_in(x)[0])
    lower, upper = nn.GRU(3, 5).double(), nn.GRU(5, 5).double()
    for index, one in enumerate((lower, upper)):
        one.load_state_dict({name: getattr(layer, name.replace("l0", f"l{index}")) for name in one.state_dict()})
    torch.manual_seed(3)
    h = dropout(lower(x)[0].mT.contiguous(), 0.5).mT
    assert torch.allclose(y, upper(h)[0], atol=1e-12)
    assert torch.allclose(drop_in.eval()(x)[0], layer.eval()(x)[0], atol=1e-12)


def test_what_the_scan_is_not_for_goes_to_torch():
    layer, drop_in = pair("gru", batch_first=True)
    x = torch.randn(4, 7, 3, dtype=torch.float64)
    with torch.no_grad():
        assert torch.equal(layer(x)[0], drop_in(x)[0])
    assert torch.equal(layer(x[0])[0], drop_in(x[0])[0])
    program = torch.export.export(drop_in, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    assert "aten.gru.input" in str(program.graph), "one operation, whatever the steps"
    packed = pack_padded_sequence(x, torch.tensor([7, 5, 5, 2]), batch_first=True)
    expected, found = (pad_packed_sequence(one(packed)[0], batch_first=True)[0] for one in (layer, drop_in))
    assert torch.equal(expected, found)
    with pytest.raises(RuntimeError, match="Expected hidden size"):
        drop_in(x, torch.zeros(1, 3, 5, dtype=torch.float64))
    with pytest.raises(RuntimeError, match=r"input.size\(-1\) must be equal to input_size"):
        drop_in(x[..., :2])


def nodes(tensor):
    """Return how many operations autograd recorded."""
    seen, left = set(), [tensor.grad_fn]
    while left:
        if (node := left.pop()) and node not in seen:
            seen.add(node)
            left += [parent for parent, _ in node.next_functions]
    return len(seen)


@pytest.mark.parametrize("kind", KINDS)
def test_longer_signals_are_not_more_operations_for_autograd(kind):
    layer, drop_in = pair(kind, bidirectional=True)
    short, long = (drop_in(torch.randn(steps, 2, 3, dtype=torch.float64))[0] for steps in (5, 200))
    assert nodes(short) == nodes(long) < 60
    assert torch.autograd.gradcheck(lambda x: drop_in(x)[0], torch.randn(4, 2, 3).double().requires_grad_())
    assert layer.state_dict().keys() == drop_in.state_dict().keys()


def test_a_compiled_network_calls_the_scan_and_does_not_unroll_it():
    _, drop_in = pair("gru", bidirectional=True)
    whole = nn.Sequential(drop_in)
    compiled = torch.compile(whole, backend="eager")
    x = torch.randn(50, 2, 3, dtype=torch.float64)
    assert torch.equal(compiled(x)[0], whole(x)[0])
    assert nodes(compiled(x)[0]) == nodes(whole(x)[0]) < 60


def test_networks_of_a_run_take_the_scan_and_train_as_with_torch(train, monkeypatch):
    words = ("data=mnist1d", "model=rnn", "trainer.max_steps=20", "hardware.precision=64-true")
    with_scan = train(*words)
    monkeypatch.setattr(GRU, "is_faster", False)
    with_torch = train(*words)
    ours, theirs = (
        torch.load(done.folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
        for done in (with_scan, with_torch)
    )
    assert ours.keys() == theirs.keys()
    differences = {name: (ours[name] - theirs[name]).abs().max().item() for name in ours if "recurrent" in name}
    assert 0 < max(differences.values()) < 1e-10, "another order of sums, and nothing else"
