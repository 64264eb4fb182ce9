"""Muon moves hidden matrices along orthogonal ones, and behaves as one optimizer."""

import pytest
import torch
from hyperplane import UserError
from torch import nn

from {{ cookiecutter.package_name }}.optimizers.muon import Muon


@pytest.fixture
def network():
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))


def step(network, optimizer, seed):
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(seed))
    optimizer.zero_grad()
    network(x).square().mean().backward()
    optimizer.step()


def test_it_moves_hidden_matrices_along_nearly_orthogonal_ones(network):
    hidden, before = network[2].weight, network[2].weight.detach().clone()
    step(network, Muon(network.parameters(), lr=0.01, weight_decay=0.0), seed=0)
    singular = torch.linalg.svdvals((before - hidden.detach()) / (0.2 * 0.01 * 8**0.5))
    gradient = torch.linalg.svdvals(hidden.grad)
    assert singular.max() < 1.3
    assert singular[0] / singular[5] < 2 < 10 < gradient[0] / gradient[5]


def test_it_leaves_biases_and_the_output_layer_to_adamw(network):
    matrices, others = (group["params"] for group in Muon(network.parameters()).param_groups)
    assert [id(parameter) for parameter in matrices] == [id(network[0].weight), id(network[2].weight)]
    assert any(parameter is network[4].weight for parameter in others)
    assert len(matrices) + len(others) == 6


def test_it_goes_on_where_it_stopped(network, tmp_path):
    optimizer = Muon(network.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    for seed in range(2):
        step(network, optimizer, seed)
        schedule.step()
    torch.save([network.state_dict(), optimizer.state_dict()], tmp_path / "state.pt")
    step(network, optimizer, 2)
    expected = {name: value.clone() for name, value in network.state_dict().items()}

    weights, state = torch.load(tmp_path / "state.pt", weights_only=True)
    network.load_state_dict(weights)
    resumed = Muon(network.parameters(), lr=0.01)
    resumed.load_state_dict(state)
    assert [group["lr"] for group in resumed.param_groups] == [0.0025, 0.0025]
    step(network, resumed, 2)
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_it_follows_a_schedule(network):
    optimizer = Muon(network.parameters(), lr=0.01, weight_decay=0.0)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0)  # a rate of zero from the start
    before = [parameter.detach().clone() for parameter in network.parameters()]
    step(network, optimizer, 0)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_without_hidden_matrices_it_is_refused(monkeypatch, network):
    with pytest.raises(UserError, match="this model has none"):
        Muon(nn.Linear(3, 2).parameters())
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(UserError, match=r"needs torch 2\.9"):
        Muon(network.parameters())
