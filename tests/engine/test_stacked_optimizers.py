"""The optimizers of a stack move each member as its own optimizer would alone."""

import copy
import warnings

import pytest
import torch
from hyperplane.stacking.clipping import clip_norm, clip_value
from hyperplane.stacking.optimizers import BatchedOptimizer, MemberwiseOptimizer, stack_optimizers
from torch import nn
from torch.optim import SGD, Adam, AdamW, NAdam, RMSprop
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LinearLR, OneCycleLR, ReduceLROnPlateau

from my_research.optimizers.muon import Muon

STEPS = 200
SETTINGS = {
    "sgd": (SGD, [{"lr": 0.1}, {"lr": 0.01, "weight_decay": 0.1}, {"lr": 0.3}]),
    "momentum": (SGD, [{"momentum": 0.9}, {"lr": 0.02, "momentum": 0.5, "dampening": 0.5}, {"momentum": 0.0}]),
    "nesterov": (SGD, [{"momentum": 0.9, "nesterov": True}, {"lr": 0.02, "momentum": 0.5, "nesterov": True}] * 2),
    "adam": (Adam, [{}, {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-3}, {"weight_decay": 0.1}]),
    "adam, rates": (Adam, [{"fused": True}, {"lr": 0.01, "fused": True}, {"weight_decay": 0.1, "fused": True}]),
    "adam, equal": (Adam, [{"fused": True}] * 3),
    "adamw": (AdamW, [{}, {"lr": 0.01, "weight_decay": 0.5}, {"betas": (0.5, 0.99)}]),
    "adamw, rates": (AdamW, [{}, {"lr": 0.01, "weight_decay": 0.5}, {"lr": 0.03}]),
    "rmsprop": (RMSprop, [{}, {"alpha": 0.9, "eps": 1e-3}, {"momentum": 0.9, "weight_decay": 0.1}]),
    "centered": (RMSprop, [{"centered": True}, {"centered": True, "alpha": 0.8, "lr": 0.001}]),
    "muon": (Muon, [{}, {"lr": 0.01, "momentum": 0.8, "betas": (0.8, 0.9)}, {"weight_decay": 0.2}]),
    "nadam": (NAdam, [{}, {"lr": 0.01}]),
    "amsgrad": (Adam, [{"amsgrad": True}, {"amsgrad": False}]),
    "other flags": (RMSprop, [{"centered": True}, {"centered": False}]),
}
ONE_BY_ONE = ("nadam", "amsgrad", "other flags")


def network(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1)).double()


def by_name(networks):
    return [dict(one.named_parameters()) for one in networks]


def stacked(networks, indices=None):
    members = by_name(networks)
    chosen = [members[i] for i in (range(len(members)) if indices is None else indices)]
    return {name: torch.stack([one[name].detach() for one in chosen]) for name in members[0]}


def state_of(stack, member):
    """The state of a member as a checkpoint holds it; the stack goes on from what it has itself."""
    stack.write(member)
    return copy.deepcopy(stack.optimizers[member].state_dict())


def loss(one, member, step):
    generator = torch.Generator().manual_seed(1000 * member + step)
    x = torch.randn(8, 6, dtype=torch.float64, generator=generator)
    return (one(x) - x.sum(1, keepdim=True)).square().mean()


def gradients(networks, step, members=None):
    found = []
    for member, one in zip(members or range(len(networks)), networks, strict=True):
        found.append(torch.autograd.grad(loss(one, member, step), list(one.parameters())))
    names = [name for name, _ in networks[0].named_parameters()]
    return dict(zip(names, map(torch.stack, zip(*found, strict=True)), strict=True))


def train_alone(one, optimizer, member, steps, schedule=None, clip=None):
    for step in steps:
        optimizer.zero_grad()
        loss(one, member, step).backward()
        if clip:
            clip(one.parameters())
        optimizer.step()
        advance(schedule, step)


def advance(schedule, step):
    if isinstance(schedule, ReduceLROnPlateau):
        schedule.step(1.0)
    elif schedule:
        schedule.step()


def furthest(networks, others):
    return max(
        (a - b).abs().max().item()
        for one, other in zip(networks, others, strict=True)
        for a, b in zip(one.parameters(), other.parameters(), strict=True)
    )


def pairs(name):
    make, settings = SETTINGS[name]
    alone, together = ([network(seed) for seed in range(len(settings))] for _ in range(2))
    options = [{"lr": 0.003} | one for one in settings]
    return (
        alone,
        together,
        *([make(one.parameters(), **options[i]) for i, one in enumerate(networks)] for networks in (alone, together)),
    )


@pytest.mark.parametrize("name", SETTINGS)
def test_members_are_where_their_own_optimizers_would_have_brought_them(name):
    alone, together, theirs, ours = pairs(name)
    stack = stack_optimizers(ours, by_name(together), stacked(together))
    assert isinstance(stack, MemberwiseOptimizer if name in ONE_BY_ONE else BatchedOptimizer)
    began = copy.deepcopy(together)
    for step in range(STEPS):
        stack.step(gradients(together, step))
    for member, one in enumerate(alone):
        train_alone(one, theirs[member], member, range(STEPS))
    assert furthest(together, began) > 0.01
    assert furthest(together, alone) < 1e-10


@pytest.mark.parametrize("name", SETTINGS)
def test_a_state_is_that_of_an_ordinary_run_and_a_member_goes_on_alone_or_in_another_stack(name):
    alone, together, theirs, ours = pairs(name)
    stack = stack_optimizers(ours, by_name(together), stacked(together))
    for step in range(10):
        stack.step(gradients(together, step))
    for member, one in enumerate(alone):
        train_alone(one, theirs[member], member, range(10))
        state, expected = state_of(stack, member), theirs[member].state_dict()
        assert {key: set(value) for key, value in state["state"].items()} == {
            key: {name for name, it in value.items() if it is not None} for key, value in expected["state"].items()
        }
        for key, values in state["state"].items():
            for buffer, value in values.items():
                assert torch.allclose(value, expected["state"][key][buffer], atol=1e-12), buffer
                assert value.untyped_storage().nbytes() == value.nbytes, "a file holds this member alone"
        assert [len(group["params"]) for group in state["param_groups"]] == [
            len(group["params"]) for group in expected["param_groups"]
        ]
    # The first member goes on alone; the others in a stack beside one that begins.
    make, settings = SETTINGS[name]
    one = copy.deepcopy(together[0])
    resumed = make(one.parameters(), **{"lr": 0.003} | settings[0])
    resumed.load_state_dict(state_of(stack, 0))
    train_alone(one, resumed, 0, range(10, 20))
    train_alone(alone[0], theirs[0], 0, range(10, 20))
    assert furthest([one], [alone[0]]) < 1e-10

    fresh, again = network(0), copy.deepcopy(together[1])
    optimizers = [make(each.parameters(), **{"lr": 0.003} | settings[i]) for i, each in enumerate((fresh, again))]
    optimizers[1].load_state_dict(state_of(stack, 1))
    other = stack_optimizers(optimizers, by_name([fresh, again]), stacked([fresh, again]))
    for step in range(10, 20):
        other.step(gradients([fresh, again], step))
    train_alone(alone[1], theirs[1], 1, range(10, 20))
    assert furthest([again], [alone[1]]) < 1e-10
    begun = network(0)
    train_alone(begun, make(begun.parameters(), **{"lr": 0.003} | settings[0]), 0, range(10, 20))
    assert furthest([fresh], [begun]) < 1e-10


@pytest.mark.parametrize("name", ["momentum", "adam", "adam, rates", "adam, equal", "muon", "nadam"])
def test_a_member_leaves_and_the_others_go_on_in_a_stack_of_their_own(name):
    alone, together, theirs, ours = pairs(name)
    stack = stack_optimizers(ours, by_name(together), stacked(together))
    for step in range(10):
        stack.step(gradients(together, step))
    members = [i for i in range(len(together)) if i != 1]
    left = [together[i] for i in members]
    for i in members:
        stack.write(i)
    stack = stack_optimizers([ours[i] for i in members], by_name(left), stacked(together, members))
    for step in range(10, 20):
        stack.step(gradients(left, step, members))
    for member, one in enumerate(alone):
        train_alone(one, theirs[member], member, range(10 if member == 1 else 20))
    assert furthest(together, alone) < 1e-10


@pytest.mark.parametrize("make", [Adam, SGD])
def test_each_member_follows_its_own_schedule_and_groups_have_their_own_rates(make):
    def optimizer(one):
        groups = [
            {"params": [*one[0].parameters()], "lr": 0.01},
            {"params": [*one[2].parameters(), *one[4].parameters()], "weight_decay": 0.1},
        ]
        return make(groups, **({"lr": 0.03, "momentum": 0.5} if make is SGD else {"lr": 0.001}))

    schedules = [
        lambda it: CosineAnnealingLR(it, 50),
        lambda it: OneCycleLR(it, 0.1, total_steps=STEPS + 1),  # moves momentum and betas as well
        lambda it: ExponentialLR(it, 0.99),
        lambda it: ReduceLROnPlateau(it, patience=10),
        lambda it: LinearLR(it, 1e-3),
    ]
    alone, together = ([network(seed) for seed in range(len(schedules))] for _ in range(2))
    ours = [optimizer(one) for one in together]
    followed = [make_schedule(it) for make_schedule, it in zip(schedules, ours, strict=True)]
    stack = stack_optimizers(ours, by_name(together), stacked(together))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # that schedules step before optimizers
        for step in range(STEPS):
            stack.step(gradients(together, step))
            for schedule in followed:
                advance(schedule, step)
    for member, one in enumerate(alone):
        its = optimizer(one)
        train_alone(one, its, member, range(STEPS), schedules[member](its))
    assert isinstance(stack, BatchedOptimizer)
    assert furthest(together, alone) < 1e-10


@pytest.mark.parametrize(
    ("ours", "theirs", "limits"),
    [
        (clip_norm, nn.utils.clip_grad_norm_, [0.5, 1.0, 1e9]),
        (clip_value, nn.utils.clip_grad_value_, [0.01, 0.1, 1e9]),
    ],
)
def test_gradients_are_clipped_for_each_member_by_itself(ours, theirs, limits):
    networks = [network(seed) for seed in range(3)]
    found = gradients(networks, 0)
    clipped = ours(found, torch.tensor(limits, dtype=torch.float64))
    same = ours(found, limits[0])
    for member, one in enumerate(networks):
        for limit, result in ((limits[member], clipped), (limits[0], same)):
            one.zero_grad()
            loss(one, member, 0).backward()
            theirs(one.parameters(), limit)
            for name, parameter in one.named_parameters():
                assert torch.allclose(result[name][member], parameter.grad, atol=1e-14)
    assert not torch.equal(clipped["0.weight"][0], found["0.weight"][0])


def test_a_parameter_without_a_gradient_stays_and_a_scalar_is_a_parameter():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale, self.still = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(2))

    networks = [Scaled(), Scaled()]
    ours = [Adam(one.parameters(), lr=0.1 * (i + 1), weight_decay=0.1) for i, one in enumerate(networks)]
    stack = stack_optimizers(ours, by_name(networks), stacked(networks))
    stack.step({"scale": torch.tensor([1.0, -1.0])})
    assert [one.scale.item() for one in networks] == pytest.approx([0.9, 1.2])
    assert all(torch.equal(one.still, torch.ones(2)) for one in networks)
