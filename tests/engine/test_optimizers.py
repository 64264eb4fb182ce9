"""Optimizers lower the loss through `train`, go on where they stopped, and say what they cannot do."""

import csv

import pytest
import torch
from hyperplane.errors import UserError
from torch import nn

from my_research.optimizers.muon import Muon


def losses(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return [float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]]


@pytest.mark.parametrize("optimizer", ["rmsprop", "lbfgs", "muon"])
def test_an_optimizer_lowers_the_loss(train, optimizer):
    done = train("data=moons", f"optimizer={optimizer}", "trainer.max_epochs=4", "data.batch_size=720")
    assert done.summary["steps"] == 4
    first, *_, last = losses(done.folder)
    assert last < 0.97 * first


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_training_metrics_count_each_batch_once_before_its_step(train, optimizer):
    options = ("data=moons", f"optimizer={optimizer}", "data.batch_size=1000")
    still = losses(train(*options, "optimizer.lr=1e-9").folder)
    moving = losses(train(*options, "trainer.max_epochs=2").folder)
    assert moving[0] == pytest.approx(still[0], rel=1e-5), "the loss of the first weights"
    assert moving[1] < moving[0]


def test_lbfgs_reaches_in_a_few_steps_what_no_gradient_step_does(train):
    options = ("data=moons", "model=linear", "data.batch_size=1000", "trainer.max_epochs=3")
    quick = train(*options, "optimizer=lbfgs").summary["metrics"]["val/loss"]
    slow = train(*options, "optimizer=adam").summary["metrics"]["val/loss"]
    assert quick < 0.7 * slow


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("trainer.accumulate_grad_batches=2", "accumulate_grad_batches"),
        ("hardware.accelerator=gpu hardware.precision=16-mixed", "16-mixed"),
    ],
)
def test_what_lbfgs_cannot_do_is_refused_before_training(train, override, key):
    done = train("data=moons", "optimizer=lbfgs", *override.split(), status=2)
    assert "optimizer=lbfgs" in done.stderr and key in done.stderr
    assert not done.folders


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))


def step(network, optimizer, seed):
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(seed))
    optimizer.zero_grad()
    network(x).square().mean().backward()
    optimizer.step()


def test_muon_moves_hidden_matrices_along_nearly_orthogonal_ones(network):
    hidden, before = network[2].weight, network[2].weight.detach().clone()
    step(network, Muon(network.parameters(), lr=0.01, weight_decay=0.0), seed=0)
    singular = torch.linalg.svdvals((before - hidden.detach()) / (0.2 * 0.01 * 8**0.5))
    gradient = torch.linalg.svdvals(hidden.grad)
    assert singular.max() < 1.3
    assert singular[0] / singular[5] < 2 < 10 < gradient[0] / gradient[5]


def test_muon_leaves_biases_and_the_output_layer_to_adamw(network):
    muon = Muon(network.parameters())
    matrices, others = (group["params"] for group in muon.param_groups)
    assert [id(parameter) for parameter in matrices] == [id(network[0].weight), id(network[2].weight)]
    assert any(parameter is network[4].weight for parameter in others)
    assert len(matrices) + len(others) == 6


def test_muon_goes_on_where_it_stopped(network, tmp_path):
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


def test_muon_follows_a_schedule(network):
    optimizer = Muon(network.parameters(), lr=0.01, weight_decay=0.0)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0)  # a rate of zero from the start
    before = [parameter.detach().clone() for parameter in network.parameters()]
    step(network, optimizer, 0)
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_muon_without_hidden_matrices_is_refused(monkeypatch, network):
    with pytest.raises(UserError, match="this model has none"):
        Muon(nn.Linear(3, 2).parameters())
    monkeypatch.delattr(torch.optim, "Muon")
    with pytest.raises(UserError, match=r"needs torch 2\.9"):
        Muon(network.parameters())
