"""A loss, or a network, may take gradients with respect to inputs, also where weights get none."""

import numpy as np
import torch
from hyperplane.checkpoints.trained import load_trained
from hyperplane.tasks.task import Task

from my_research.models.mlp import MLP

MOONS = ("data=moons", "model=mlp")


def penalized(self, batch):
    """Return a step whose loss is the squared gradient of the outputs with respect to the inputs alone."""
    inputs, targets = batch
    inputs = inputs.clone().requires_grad_()
    outputs = self.network(inputs)
    (gradient,) = torch.autograd.grad(outputs.sum(), inputs, create_graph=True)
    return gradient.square().sum(dim=1).mean(), outputs, targets


def test_validation_test_and_evaluate_compute_them(train, command, monkeypatch):
    monkeypatch.setattr(Task, "step", torch.enable_grad()(penalized))
    done = train(*MOONS)
    metrics = done.summary["metrics"]
    assert metrics["test/loss"] > 0 and metrics["val/loss"] > 0
    evaluated = command("evaluate", f"run={done.folder}")
    assert evaluated.status == 0 and evaluated.stderr.count("as in summary.json") == 2


def test_a_loss_that_forgot_to_turn_them_on_says_how(train, monkeypatch):
    monkeypatch.setattr(Task, "step", penalized)
    error = train(*MOONS, status=1).summary["error"]
    assert error.endswith("In validation_step gradients are off: compute them within torch.enable_grad().")


def test_inference_mode_forbids_them_and_says_so(train, command, monkeypatch):
    monkeypatch.setattr(Task, "step", torch.enable_grad()(penalized))
    error = train(*MOONS, "trainer.inference_mode=true", status=1).summary["error"]
    assert "In test_step gradients are off" in error and "trainer.inference_mode=false" in error


def test_an_error_of_training_itself_is_not_explained_by_evaluation(train, monkeypatch):
    def detached(self, batch):
        loss, outputs, targets = penalized(self, batch)
        return loss.detach(), outputs, targets

    monkeypatch.setattr(Task, "step", detached)
    error = train(*MOONS, status=1).summary["error"]
    assert "does not require grad" in error and "enable_grad" not in error


def test_a_network_may_predict_a_gradient(train, monkeypatch):
    task = load_trained(train("data=salary", "model=mlp", "model.activation=tanh").folder).task
    forward = MLP.forward

    @torch.enable_grad()
    def force(self, inputs):
        inputs = inputs.clone().requires_grad_()
        return torch.autograd.grad(forward(self, inputs).sum(), inputs)[0]

    inputs = np.linspace(0, 1, 5, dtype=np.float32)[:, None]
    with torch.no_grad():
        below, above = (forward(task.network, task.scaling(torch.from_numpy(inputs)) + step) for step in (-1e-3, 1e-3))
    monkeypatch.setattr(MLP, "forward", force)
    expected = task.scaling.to_units((above - below) / 2e-3).numpy()
    assert np.allclose(task.predict_array(inputs), expected, rtol=1e-2)
