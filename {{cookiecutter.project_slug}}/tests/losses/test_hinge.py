"""The hinge loss is that of scikit-learn, and pulls only where the margin is not kept."""

import numpy as np
import pytest
import torch
from hyperplane import DataSpec, UserError
from sklearn.metrics import hinge_loss

from {{ cookiecutter.package_name }}.losses.hinge import Hinge

TARGETS = torch.tensor([0, 1, 2, 2, 1, 2, 2, 0, 2, 2])
THREE = DataSpec("classification", (4,), 3, train_size=10)
TWO = DataSpec("classification", (4,), 2, train_size=10)
DRAWN = torch.Generator().manual_seed(0)
OUTPUTS = torch.randn(10, 3, generator=DRAWN)


def test_of_two_classes_it_is_that_of_scikit_learn():
    outputs, targets = OUTPUTS[:, :2], TARGETS % 2
    f = (outputs[:, 1] - outputs[:, 0]) / 2
    assert Hinge(TWO)(outputs, targets).item() == pytest.approx(hinge_loss(targets, f), rel=1e-5)
    heavy = np.array([1.0, 3.0])[targets]
    expected = hinge_loss(targets, f, sample_weight=heavy) * heavy.mean()
    assert Hinge(TWO, (1.0, 3.0))(outputs, targets).item() == pytest.approx(expected, rel=1e-5)


def test_of_more_classes_it_is_one_against_the_rest():
    expected = sum(hinge_loss(TARGETS.eq(c), OUTPUTS[:, c]) for c in range(3))
    assert Hinge(THREE)(OUTPUTS, TARGETS).item() == pytest.approx(expected, rel=1e-5)


def test_beyond_the_margin_it_costs_nothing_and_pulls_no_more():
    outputs = torch.tensor([[-1.5, 1.5], [0.4, -0.2]], requires_grad=True)
    loss = Hinge(TWO)(outputs, torch.tensor([1, 0]))
    assert loss.item() == pytest.approx((0 + 1 - 0.3) / 2)
    loss.backward()
    assert outputs.grad.tolist() == [[0, 0], [-0.25, 0.25]]


def test_samples_weigh_as_they_are_told():
    loss, weights = Hinge(THREE, (1.0, 2.0, 0.5)), torch.arange(10) / 3
    pixels = torch.randn(10, 3, 2, 5, generator=DRAWN), torch.randint(3, (10, 2, 5), generator=DRAWN)
    for outputs, targets in ((OUTPUTS, TARGETS), pixels):
        alone = torch.stack([loss(outputs[i : i + 1], targets[i : i + 1]) for i in range(10)])
        assert loss(outputs, targets, weights).item() == pytest.approx((alone @ weights / 15).item())
        assert loss(outputs, targets, torch.zeros(10)) == 0


def test_data_without_classes_are_refused():
    with pytest.raises(UserError, match="loss=auto chooses what fits"):
        Hinge(DataSpec("regression", (4,), 2))
