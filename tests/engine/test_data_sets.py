"""Standardisation knows the training part alone, and comes back to the units of the data."""

import pytest
import torch
from hyperplane.data.scaling import Scaling
from hyperplane.data.spec import DataSpec

from my_research.data.curves import Salary

LOADING = dict(batch_size=100, val_fraction=0.1, seed=0)


def ready(data):
    data.setup()
    return data


def test_standardisation_uses_the_training_part_alone():
    data = ready(Salary(num_samples=500, noise=10.0, standardize=True, **LOADING))
    for i in (0, 1):
        train, test = data.parts["train"][i], data.parts["test"][i]
        assert train.mean().item() == pytest.approx(0, abs=1e-5)
        assert train.std(correction=0).item() == pytest.approx(1, abs=1e-5)
        assert abs(test.mean().item()) > 1e-3
    back = data.scaling.to_units(data.parts["test"][1])
    assert back.dtype == torch.double and torch.allclose(back.float(), data.raw["test"][1], atol=1e-4)


def test_what_does_not_vary_is_not_divided_by_zero():
    scaling = Scaling(DataSpec("classification", (2,), 2))
    inputs = torch.tensor([[1e-13, 5.0], [3e-13, 5.0]])  # the first varies, if by little
    scaling.fit(inputs, torch.tensor([0, 1]))
    torch.testing.assert_close(scaling(inputs), torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
    assert scaling.scale_targets(torch.tensor([0, 1])).tolist() == [0, 1]
