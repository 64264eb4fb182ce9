"""Losses of real values are their equations."""

import math

import pytest
import torch
from hyperplane import DataSpec, UserError

from {{ cookiecutter.package_name }}.losses.regression import Huber, SquaredError

VALUES = DataSpec("regression", (4,), 2)


def test_squared_error_and_huber_are_their_equations():
    outputs, targets = torch.tensor([[0.5, -3.0], [2.0, 1.0]]), torch.zeros(2, 2)
    assert SquaredError(VALUES)(outputs, targets).item() == pytest.approx((0.25 + 9 + 4 + 1) / 4)
    for delta in (1.0, 2.5):
        terms = [e * e / 2 if e < delta else delta * (e - delta / 2) for e in (0.5, 3.0, 2.0, 1.0)]
        assert Huber(VALUES, delta)(outputs, targets).item() == pytest.approx(math.fsum(terms) / 4)


@pytest.mark.parametrize("loss", [SquaredError(VALUES), Huber(VALUES, 0.3)], ids=["squared error", "huber"])
def test_samples_weigh_as_they_are_told(loss):
    outputs, targets, weights = torch.randn(4, 2, 3), torch.randn(4, 2, 3), torch.tensor([0.0, 1.0, 2.0, 5.0])
    alone = torch.stack([loss(outputs[i], targets[i]) for i in range(4)])
    assert loss(outputs, targets, weights).item() == pytest.approx((alone @ weights / 8).item())
    assert loss(outputs, targets, torch.zeros(4)) == 0


@pytest.mark.parametrize("loss", [SquaredError, Huber])
def test_data_of_another_task_are_refused(loss):
    with pytest.raises(UserError, match=r"for regression, but these data are for classification\. loss=auto"):
        loss(DataSpec("classification", (4,), 2))
