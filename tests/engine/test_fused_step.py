"""The short way of a fused Adam ends in the bits of torch's own step, and whatever is not plain is left to torch."""

import pytest
import torch
from hyperplane.loop.fused_step import is_followed, is_plain, take_step
from hyperplane.loop.lean_loop import LeanEpochLoop
from lightning.pytorch import Callback
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
        take_step(optimizer) if short else optimizer.step()
    return own, optimizer


@pytest.mark.parametrize("kind", [Adam, AdamW])
@pytest.mark.parametrize("settings", [{}, {"maximize": True, "betas": (0.5, 0.9), "eps": 1e-3}])
def test_it_ends_in_the_same_bits(kind, settings):
    (ours, our_optimizer), (theirs, their_optimizer) = (trained(kind, short, **settings) for short in (True, False))
    assert is_plain(our_optimizer) and not is_followed(our_optimizer)
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
    assert not is_plain(kind(parameters(), **{"lr": 0.1} | settings))


def test_a_step_that_somebody_changed_or_listens_to_is_torchs_own():
    def plain():
        return Adam(parameters(), fused=True)

    before, after, scheduled = plain(), plain(), plain()
    before.register_step_pre_hook(lambda *_: None)
    after.register_step_post_hook(lambda *_: None)
    LambdaLR(scheduled, lambda step: 1.0)
    assert all(map(is_followed, (before, after, scheduled)))
    hook = register_optimizer_step_post_hook(lambda *_: None)
    assert is_followed(plain())
    hook.remove()
    assert not is_followed(plain())
    kinds = [torch.zeros(1, requires_grad=True), torch.zeros(1, dtype=torch.float64, requires_grad=True)]
    assert not is_plain(Adam(kinds, fused=True)), "the kernel takes tensors of one kind"


class Renewed(Callback):
    """Makes the optimizer anew within an epoch, and counts its steps."""

    def __init__(self):
        self.steps = 0

    def on_validation_end(self, trainer, task):
        if trainer.global_step == 1 and not self.steps:
            trainer.strategy.setup_optimizers(trainer)
            trainer.optimizers[0].register_step_post_hook(self.count)

    def count(self, *_):
        self.steps += 1


def test_an_optimizer_that_is_made_anew_within_an_epoch_takes_the_steps(train, monkeypatch):
    renewed, made = Renewed(), LeanEpochLoop.__init__

    def with_callback(self, trainer, *arguments):
        trainer.callbacks.append(renewed)
        made(self, trainer, *arguments)

    monkeypatch.setattr(LeanEpochLoop, "__init__", with_callback)
    done = train("data=wine", "model=linear", "data.batch_size=43", "optimizer=adam", "trainer.val_check_interval=1")
    assert done.summary["steps"] == 3 and renewed.steps == 2
