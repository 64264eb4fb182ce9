"""The line and the plane are the ones stated, and their noise is the floor of every model."""

import numpy as np
import pytest

from {{ cookiecutter.package_name }}.data.curves import Plane, Salary


@pytest.mark.parametrize(("kind", "noise", "weights", "bias"), [(Salary, 10.0, [4.5], 30.0), (Plane, 0.5, [2, -3], 1)])
def test_least_squares_reaches_the_known_floor(kind, noise, weights, bias):
    data = kind(num_samples=20_000, noise=noise, seed=0)
    data.setup()
    (x, y), (test_x, test_y) = data.arrays("train"), data.arrays("test")
    solution, *_ = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)
    assert solution[:, 0] == pytest.approx([*weights, bias], rel=0.02)
    rmse = np.sqrt(np.mean((np.c_[test_x, np.ones(len(test_x))] @ solution - test_y) ** 2))
    assert rmse == pytest.approx(noise, rel=0.03)
    assert data.spec.input_shape == (len(weights),) and data.spec.task == "regression"
