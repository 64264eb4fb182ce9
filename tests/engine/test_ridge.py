"""Penalties that data choose: leave-one-out in closed form, and what model=linear makes of it."""

import copy

import numpy as np
import pytest
import torch
from hyperplane.data import datamodule
from hyperplane.data.ridge import LAMBDAS, Ridge, leave_one_out
from sklearn.linear_model import Ridge as Reference
from sklearn.linear_model import RidgeCV

from my_research.data.bundled import Bundled
from my_research.models.linear import Linear


def drawn(samples, columns, noise):
    torch.manual_seed(0)
    x = torch.randn(samples, columns, dtype=torch.double)
    return x, x[:, :1] + x[:, 1:2] + noise * torch.randn(samples, 1, dtype=torch.double)


@pytest.mark.parametrize(("samples", "columns"), [(40, 6), (20, 50)], ids=["long", "wide"])
@pytest.mark.parametrize("penalty", [0.01, 30.0])
def test_predictions_are_those_of_scikit_learn(samples, columns, penalty):
    x, y = drawn(samples, columns, 1.0)
    ridge = Ridge.fit(x, y)
    expected = Reference(alpha=penalty).fit(x.numpy(), y.numpy()).predict(x.numpy() + 1)
    found = ridge.predict(ridge.coordinates(x + 1), penalty).numpy()
    np.testing.assert_allclose(found.ravel(), expected.ravel(), rtol=1e-6)


@pytest.mark.parametrize(("samples", "columns", "noise"), [(40, 6, 1.0), (40, 6, 8.0), (20, 50, 2.0), (100, 3000, 3.0)])
def test_leave_one_out_chooses_as_scikit_learn_does(samples, columns, noise):
    x, y = drawn(samples, columns, noise)
    assert leave_one_out(x, y) == pytest.approx(RidgeCV(LAMBDAS).fit(x.numpy(), y.numpy().ravel()).alpha_)


def test_one_sample_far_from_all_others_does_not_choose_for_thousands():
    x, y = drawn(4000, 6, 1.0)
    x[0, 5] = 60
    y[0] = 20
    assert leave_one_out(x, y) == pytest.approx(RidgeCV(LAMBDAS).fit(x.numpy(), y.numpy().ravel()).alpha_)
    assert leave_one_out(x[::4], y[::4]) == LAMBDAS[-1], "what it chooses for a quarter of them"


def test_with_more_columns_than_samples_the_largest_of_equal_penalties_is_taken():
    torch.manual_seed(2)
    x = torch.randn(43, 500, dtype=torch.double)
    y = x[:, :5].sum(dim=1, keepdim=True)
    assert RidgeCV(LAMBDAS).fit(x.numpy(), y.numpy().ravel()).alpha_ == LAMBDAS[-1]
    assert leave_one_out(x, y) == pytest.approx(10), "within a hundredth of the least error"


def test_a_penalty_is_looked_for_when_it_is_read(monkeypatch, tmp_path):
    calls = []
    monkeypatch.setattr(datamodule, "leave_one_out", lambda *_: calls.append(1) or 2.5)
    data = Bundled(name="diabetes", standardize=True, folder=str(tmp_path), seed=0)
    data.setup()
    assert "ridge" not in copy.deepcopy(data.spec).to_dict() and not calls
    assert data.spec.ridge == data.spec.to_dict()["ridge"] == 2.5 and len(calls) == 1


def test_noise_alone_gets_all_penalty_and_no_noise_gets_none():
    x, y = drawn(40, 6, 0.0)
    assert leave_one_out(x, y) == LAMBDAS[-1]
    wide, _ = drawn(20, 50, 0.0)
    assert leave_one_out(wide, torch.randn(20, 1)) > 100
    assert leave_one_out(x[:3], y[:3]) is None and leave_one_out(x / 0, y) is None


def test_the_linear_model_takes_what_its_data_choose_unless_told_otherwise(tmp_path):
    data = Bundled(name="diabetes", standardize=True, folder=str(tmp_path), seed=0)
    data.setup()
    assert data.spec.ridge == leave_one_out(*data.parts["train"])
    assert Linear(data.spec).penalty_factor == pytest.approx(data.spec.ridge / data.spec.train_size)
    assert Linear(data.spec, l2=0.0).penalty_factor == 0
    classes = Bundled(name="wine", standardize=True, folder=str(tmp_path), seed=0)
    classes.setup()
    assert classes.spec.ridge is None, "whose penalty is that of logistic regression"
    grouped = Bundled(name="diabetes", standardize=True, folder=str(tmp_path), seed=0)
    grouped.group = "patient"
    grouped.setup()
    assert grouped.spec.ridge is None, "a sample that is left out is told by others of its group"
