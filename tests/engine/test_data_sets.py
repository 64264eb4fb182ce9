"""Small data sets have the shapes and the noise that they state; standardisation and metrics keep the units apart."""

import numpy as np
import pytest
import torch
from hyperplane.components import Component
from hyperplane.data.scaling import Scaling
from hyperplane.data.spec import DataSpec
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

from my_research.data.bundled import Bundled
from my_research.data.curves import Plane, Salary
from my_research.data.planar import Blobs, Circles
from my_research.losses.regression import SquaredError
from my_research.models.linear import Linear
from my_research.tasks.regression import Regression

LOADING = dict(batch_size=100, val_fraction=0.1, seed=0)
READERS = {"diabetes": load_diabetes, "breast_cancer": load_breast_cancer, "wine": load_wine, "digits": load_digits}


def ready(data):
    data.setup()
    return data


@pytest.mark.parametrize("name", READERS)
def test_bundled_data_are_those_of_scikit_learn(tmp_path, name):
    found = READERS[name]()
    data = ready(Bundled(name=name, folder=str(tmp_path), **LOADING))
    parts = [data.arrays(part) for part in ("train", "val", "test")]
    inputs, targets = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    scale = 16 if name == "digits" else 1
    ours = sorted(np.c_[inputs.reshape(len(inputs), -1) * scale, targets.reshape(-1)].tolist())
    theirs = sorted(np.c_[found.data.astype(np.float32), found.target].tolist())
    assert np.allclose(ours, theirs)
    assert len(parts[2][0]) == len(found.data) // 5
    assert data.spec.class_names == tuple(map(str, getattr(found, "target_names", ())))


@pytest.mark.parametrize("name", READERS)
def test_the_test_part_is_the_same_for_every_seed(tmp_path, name):
    first, second = (ready(Bundled(name=name, folder=str(tmp_path), **LOADING | {"seed": s})) for s in (0, 1))
    assert torch.equal(first.raw["test"][0], second.raw["test"][0])
    assert not torch.equal(first.raw["val"][0], second.raw["val"][0])


@pytest.mark.parametrize(("kind", "noise", "weights", "bias"), [(Salary, 10.0, [4.5], 30.0), (Plane, 0.5, [2, -3], 1)])
def test_least_squares_reaches_the_known_floor(kind, noise, weights, bias):
    data = ready(kind(num_samples=20_000, noise=noise, **LOADING))
    (x, y), (test_x, test_y) = data.arrays("train"), data.arrays("test")
    solution, *_ = np.linalg.lstsq(np.c_[x, np.ones(len(x))], y, rcond=None)
    assert solution[:, 0] == pytest.approx([*weights, bias], rel=0.02)
    rmse = np.sqrt(np.mean((np.c_[test_x, np.ones(len(test_x))] @ solution - test_y) ** 2))
    assert rmse == pytest.approx(noise, rel=0.03)


def test_circles_have_their_radii_and_blobs_their_spread(tmp_path):
    points, classes = ready(Circles(num_samples=5000, noise=0.1, folder=str(tmp_path), **LOADING)).arrays("train")
    radii = np.linalg.norm(points, axis=1)
    assert [radii[classes == c].mean() for c in (0, 1)] == pytest.approx([1.0, 0.5], abs=0.02)
    points, classes = ready(Blobs(num_samples=5000, noise=0.7, folder=str(tmp_path), **LOADING)).arrays("train")
    for c in range(3):
        assert points[classes == c].std(axis=0) == pytest.approx([0.7, 0.7], rel=0.06)


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
    inputs = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    scaling.fit(inputs, torch.tensor([0, 1]))
    assert scaling(inputs).tolist() == [[-1, 0], [1, 0]]
    assert scaling.scale_targets(torch.tensor([0, 1])).tolist() == [0, 1]


def test_metrics_of_a_regression_are_in_the_units_of_the_data():
    torch.manual_seed(0)
    data = ready(Salary(num_samples=500, noise=10.0, standardize=True, **LOADING))
    task = Regression(Linear(data.spec), SquaredError(data.spec), data.spec, data.scaling, Component(_target_="unused"))
    task.evaluation_step(data.parts["test"], task.test_metrics[0])
    values = {name: value.item() for name, value in task.test_metrics[0].compute().items()}
    inputs, targets = data.arrays("test")
    error = task.predict_array(inputs) - targets
    assert values["test/rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-4)
    assert values["test/mae"] == pytest.approx(np.abs(error).mean(), rel=1e-4)
    assert values["test/r2"] == pytest.approx(1 - np.mean(error**2) / targets.var(), rel=1e-3)
    scale = data.scaling.target_std.item()
    assert values["test/loss"] == pytest.approx(np.mean(error**2) / scale**2, rel=1e-4), "the loss is not"
