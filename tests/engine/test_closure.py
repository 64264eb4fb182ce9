"""An optimizer of a user's own that computes the loss again in its step ends where Lightning's own loop ends."""

import pytest
import torch
from hyperplane.loop import lean_loop
from stacked_sweeps import distance, members

from my_research import optimizers as package

TARGET = "my_research.optimizers.sharp"
OPTIMIZERS = '''
import torch
from torch.optim import SGD


class Sharp(SGD):
    """SAM, Foret et al. 2021: takes the gradient of the weights that are worst nearby."""

    def step(self, closure):
        closure()
        weights = [one for group in self.param_groups for one in group["params"]]
        before = [one.detach().clone() for one in weights]
        with torch.no_grad():
            for one in weights:
                one.add_(one.grad, alpha=0.05)
        loss = closure()
        with torch.no_grad():
            for one, value in zip(weights, before):
                one.copy_(value)
        super().step()
        return loss


class Deaf(SGD):
    """Ignores the closure."""

    def step(self, closure=None):
        super().step()


class Plain(SGD):
    """Cannot be given a closure."""

    def step(self):
        super().step()


class Named(Sharp):
    """Takes a closure by its name only, as Lightning gives it."""

    def step(self, *, closure):
        return super().step(closure)


class Late(Sharp):
    """Moves the weights first, and counts on gradients that are there, as in loops by hand."""

    def step(self, closure):
        first = [one.grad.clone() for group in self.param_groups for one in group["params"]]
        self.zero_grad()
        closure()
        for group in self.param_groups:
            for one, gradient in zip(group["params"], first):
                assert one.grad is not gradient
                torch.testing.assert_close(one.grad, gradient)
        SGD.step(self)
'''
SETTINGS = ("data=moons", "~optimizer", "+optimizer.lr=0.1", "model.dropout=0", "trainer.max_epochs=3")


@pytest.fixture
def optimizers(write, tmp_path, monkeypatch):
    """The optimizers above are there."""
    write("optimizers/sharp.py", OPTIMIZERS)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "added" / "optimizers")])


@pytest.fixture
def weights(optimizers, train):
    """`weights("Sharp")` trains with that optimizer and returns the weights that the run ends with."""

    def run(name, *overrides):
        target = f"+optimizer._target_={'torch.optim' if name == 'SGD' else TARGET}.{name}"
        folder = train(*SETTINGS, target, *overrides).folder
        return torch.load(folder / "checkpoints/last.ckpt", weights_only=True)["state_dict"]

    return run


def equal(first, second):
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_second_gradient_is_that_of_lightnings_loop(weights, monkeypatch):
    overrides = ("model.dropout=0.3", "trainer.gradient_clip_val=0.1", "scheduler=cosine")
    lean = weights("Sharp", *overrides)
    assert not equal(lean, weights("SGD", *overrides))
    monkeypatch.setattr(lean_loop, "is_plain", lambda trainer: False)
    assert equal(lean, weights("Sharp", *overrides))


def test_a_closure_is_given_by_its_name(weights):
    assert equal(weights("Named"), weights("Sharp"))


@pytest.mark.parametrize("name", ["Deaf", "Plain", "Late"])
def test_gradients_are_there_before_the_step_and_are_computed_once(weights, name):
    assert equal(weights(name), weights("SGD"))


def test_a_step_that_takes_nothing_is_stacked(optimizers, sweep):
    words = (*SETTINGS, f"+optimizer._target_={TARGET}.Plain", "seed=0,1")
    theirs, ours = (members(sweep(launcher, *words)) for launcher in ("basic", "stacked"))
    assert "trains as an ordinary job" not in sweep.said
    assert all(distance(path, theirs[run]) < 1e-5 for run, path in ours.items())
