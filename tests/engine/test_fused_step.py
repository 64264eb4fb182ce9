"""The short way of a fused Adam ends in the bits of torch's own step, and whatever is not plain is left to torch."""

import pytest
import torch
from hyperplane.loop.fused_step import step_of, take_step
from torch.optim import SGD, Adam, AdamW
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.optimizer import register_optimizer_step_post_hook


def parameters():
    torch.manual_seed(0)
    return [
        torch.randn(5, 3, requires_grad=True),
        torch.randn(5, requires_grad=True),
        torch.randn(2, requires_grad=True),
    ]


def trained(kind, short, **settings):
    """Five steps: the last parameter has a gradient from the third on, the rate changes, the state is read back."""
    first, second, late = own = parameters()
    groups = [{"params": [first]}, {"params": [second, late], "lr": 0.02, "weight_decay": 0.1}]
    optimizer = kind(groups, lr=0.01, fused=True, **settings)
    for number in range(5):
        for parameter in own[: 2 + (number >= 2)]:
            parameter.grad = torch.sin(parameter.detach() + number)
        if number == 3:
            optimizer.param_groups[0]["lr"] = 0.5
            optimizer.load_state_dict(optimizer.state_dict())
        (step_of(optimizer) if short else optimizer.step)()
    return own, optimizer


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize("settings", [{}, {"maximize": True, "betas": (0.5, 0.9), "eps": 1e-3}])
def test_it_ends_in_the_same_bits(kind, settings):
    (ours, our_optimizer), (theirs, their_optimizer) = (trained(kind, short, **settings) for short in (True, False))
    assert getattr(step_of(our_optimizer), "func", None) is take_step
    assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    assert str(our_optimizer.state_dict()) == str(their_optimizer.state_dict())


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (Adam, {"fused": False}),
        (Adam, {"fused": True, "amsgrad": True}),
        (Adam, {"fused": True, "lr": torch.tensor(0.1)}),
        (SGD, {"fused": True}),
        (type("Own", (Adam,), {}), {"fused": True}),
    ],
)
def test_other_optimizers_take_their_own_step(kind, settings):
    optimizer = kind(parameters(), **{"lr": 0.1} | settings)
    assert step_of(optimizer) == optimizer.step


def test_a_step_that_somebody_changed_or_listens_to_is_torchs_own():
    def plain():
        return Adam(parameters(), fused=True)

    before, after, scheduled = plain(), plain(), plain()
    before.register_step_pre_hook(lambda *_: None)
    after.register_step_post_hook(lambda *_: None)
    LambdaLR(scheduled, lambda step: 1.0)
    for optimizer in (before, after, scheduled):
        assert step_of(optimizer) == optimizer.step
    hook = register_optimizer_step_post_hook(lambda *_: None)
    optimizer = plain()
    assert step_of(optimizer) == optimizer.step
    hook.remove()
    assert step_of(optimizer) != optimizer.step
    kinds = [torch.zeros(1, requires_grad=True), torch.zeros(1, dtype=torch.float64, requires_grad=True)]
    optimizer = Adam(kinds, fused=True)
    assert step_of(optimizer) == optimizer.step, "the kernel takes tensors of one kind"
