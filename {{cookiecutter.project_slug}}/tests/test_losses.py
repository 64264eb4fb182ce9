"""Losses are their equations, and refuse data that they are not for."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import hinge_loss, log_loss
from sklearn.utils.class_weight import compute_class_weight

from {{ cookiecutter.package_name }}.data.spec import DataSpec
from {{ cookiecutter.package_name }}.losses import CrossEntropy, Hinge, Huber, SquaredError
from {{ cookiecutter.package_name }}.mistakes import UserMistake

TARGETS = torch.tensor([0, 1, 2, 2, 1, 2, 2, 0, 2, 2])
COUNTS = (2, 2, 6)
THREE = DataSpec("classification", (4,), 3, train_size=10, class_counts=COUNTS)
TWO = DataSpec("classification", (4,), 2, train_size=10, class_counts=(7, 3))
VALUES = DataSpec("regression", (4,), 2)
LOGITS = torch.randn(10, 3, generator=torch.Generator().manual_seed(0))


def test_cross_entropy_is_that_of_scikit_learn():
    expected = log_loss(TARGETS, LOGITS.double().softmax(dim=1))
    assert CrossEntropy(THREE)(LOGITS, TARGETS).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weights", [(1.0, 2.0, 0.5), "balanced"])
def test_class_weights_weigh_samples_as_in_scikit_learn(weights):
    w = compute_class_weight("balanced", classes=np.arange(3), y=TARGETS.numpy()) if weights == "balanced" else weights
    expected = log_loss(TARGETS, LOGITS.double().softmax(dim=1), sample_weight=np.array(w)[TARGETS])
    assert CrossEntropy(THREE, weights)(LOGITS, TARGETS).item() == pytest.approx(expected, rel=1e-5)


def test_balanced_weights_have_mean_one_over_the_training_samples():
    weights = CrossEntropy(THREE, "balanced").weights
    assert weights.tolist() == pytest.approx([10 / 6, 10 / 6, 10 / 18])
    assert weights[TARGETS].mean().item() == pytest.approx(1.0)


def test_hinge_of_two_classes_is_that_of_scikit_learn():
    outputs, targets = LOGITS[:, :2], TARGETS % 2
    f = (outputs[:, 1] - outputs[:, 0]) / 2
    assert Hinge(TWO)(outputs, targets).item() == pytest.approx(hinge_loss(targets, f), rel=1e-5)
    heavy = hinge_loss(targets, f, sample_weight=np.array([1.0, 3.0])[targets]) * np.array([1.0, 3.0])[targets].mean()
    assert Hinge(TWO, (1.0, 3.0))(outputs, targets).item() == pytest.approx(heavy, rel=1e-5)


def test_hinge_of_more_classes_is_one_against_the_rest():
    expected = sum(hinge_loss(TARGETS.eq(c), LOGITS[:, c]) for c in range(3))
    assert Hinge(THREE)(LOGITS, TARGETS).item() == pytest.approx(expected, rel=1e-5)


def test_beyond_the_margin_hinge_costs_nothing_and_pulls_no_more():
    outputs = torch.tensor([[-1.5, 1.5], [0.4, -0.2]], requires_grad=True)
    loss = Hinge(TWO)(outputs, torch.tensor([1, 0]))
    assert loss.item() == pytest.approx((0 + 1 - 0.3) / 2)
    loss.backward()
    assert outputs.grad.tolist() == [[0, 0], [-0.25, 0.25]]


def test_squared_error_and_huber_are_their_equations():
    outputs, targets = torch.tensor([[0.5, -3.0], [2.0, 1.0]]), torch.zeros(2, 2)
    assert SquaredError(VALUES)(outputs, targets).item() == pytest.approx((0.25 + 9 + 4 + 1) / 4)
    for delta in (1.0, 2.5):
        terms = [e * e / 2 if e < delta else delta * (e - delta / 2) for e in (0.5, 3.0, 2.0, 1.0)]
        assert Huber(VALUES, delta)(outputs, targets).item() == pytest.approx(math.fsum(terms) / 4)


@pytest.mark.parametrize(
    ("loss", "spec"), [(CrossEntropy, VALUES), (Hinge, VALUES), (SquaredError, THREE), (Huber, THREE)]
)
def test_a_loss_of_another_task_is_refused(loss, spec):
    with pytest.raises(UserMistake, match="loss=auto chooses what fits"):
        loss(spec)


def test_class_weights_of_another_number_of_classes_are_refused():
    with pytest.raises(UserMistake, match=r"loss\.class_weights has 2 entries, but the data have 3 classes"):
        CrossEntropy(THREE, (1.0, 2.0))


def test_a_class_without_training_samples_has_a_finite_weight():
    spec = DataSpec("classification", (4,), 3, train_size=10, class_counts=(0, 4, 6))
    assert torch.isfinite(CrossEntropy(spec, "balanced").weights).all()
