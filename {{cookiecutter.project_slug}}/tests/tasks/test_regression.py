"""Predictions and metrics of a regression are in the units of the data; the loss is not."""

import numpy as np
import pytest
import torch
from hyperplane import ArrayDataModule, Arrays, DataSpec
from torch import nn

from {{ cookiecutter.package_name }}.tasks.regression import Regression


class Lines(ArrayDataModule):
    """Targets around 1000 that are linear in the features."""

    features, targets = 2, 1

    def load(self):
        self.spec = DataSpec("regression", (self.features,), self.targets)
        x = np.random.default_rng(0).normal(size=(80, self.features)).astype(np.float32)
        y = (1000 + 50 * x.sum(1, keepdims=True) + np.arange(self.targets)).astype(np.float32)
        return Arrays(x[:60], y[:60], x[60:], y[60:])


def ready(features=2, targets=1):
    data = Lines(standardize=True, val_fraction=0, seed=0)
    data.features, data.targets = features, targets
    data.setup()
    return data, Regression(nn.Linear(features, targets), nn.MSELoss(), data.spec, data.scaling, None)


def test_metrics_are_in_the_units_of_the_data():
    data, task = ready()
    task.test_step(data.parts["test"], 0)
    found = {name: value.item() for name, value in task.test_metrics[0].compute().items()}
    inputs, targets = data.arrays("test")
    error = task.predict_array(inputs) - targets
    assert found["test/rmse"] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-4)
    assert found["test/r2"] == pytest.approx(1 - np.mean(error**2) / targets.var(), rel=1e-3)
    assert found["test/loss"] == pytest.approx(np.mean(error**2) / data.scaling.target_std.item() ** 2, rel=1e-4)


def test_a_perfect_network_predicts_the_targets():
    data, task = ready()
    x, y = data.parts["train"]
    solution = torch.linalg.lstsq(torch.cat([x, torch.ones(60, 1)], dim=1), y).solution
    task.network.load_state_dict({"weight": solution[:2].T, "bias": solution[2]})
    inputs, targets = data.arrays("test")
    assert np.allclose(task.predict_array(inputs), targets, rtol=1e-5)


@pytest.mark.parametrize(("features", "drawn"), [(1, "fitted_line"), (2, "fitted_surface"), (3, "residuals")])
def test_what_can_be_seen_is_drawn(features, drawn):
    data, task = ready(features)
    assert set(task.figures(data)) == {"residuals", drawn}
{%- if cookiecutter.examples == 'all' %}


def test_of_many_targets_the_first_are_drawn():
    data, task = ready(targets=6)
    assert {"r2_by_target", "residuals_1", "residuals_4"} < set(task.figures(data))
{%- endif %}
