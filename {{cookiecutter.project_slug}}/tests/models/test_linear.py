"""The linear model is a weighted sum, and ends where a closed form or scikit-learn says that it must."""

import pytest
import torch
from hyperplane import DataSpec
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch.nn import functional

from {{ cookiecutter.package_name }}.models.linear import Linear


def test_it_is_a_weighted_sum_of_the_features(outputs_of):
    spec = DataSpec("classification", (8, 8, 1), 3)
    network, x = Linear(spec), torch.randn(5, 8, 8, 1)
    assert torch.allclose(network(x), x.flatten(1) @ network.output.weight.T + network.output.bias, atol=1e-6)
    assert outputs_of(network, spec).shape == (5, 3)


def fit(network, loss, x, y):
    """Train to the optimum, with all samples in every step, and return the loss."""
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=500, line_search_fn="strong_wolfe")

    def evaluate():
        optimizer.zero_grad()
        value = loss(network(x), y)
        value.backward()
        return value

    optimizer.step(evaluate)
    return evaluate().item()


def test_regression_reaches_the_least_squares_in_closed_form():
    x = torch.randn(200, 4).double()
    y = x @ torch.tensor([[1.0, -2.0, 0.5, 3.0]]).double().T + 2 + torch.randn(200, 1)
    network = Linear(DataSpec("regression", (4,), 1)).double()
    fit(network, functional.mse_loss, x, y)
    solution = torch.linalg.lstsq(torch.cat([x, torch.ones(200, 1)], dim=1), y).solution
    assert torch.allclose(torch.cat([network.output.weight.T, network.output.bias[None]]), solution, atol=1e-6)


def test_classification_reaches_the_loss_of_scikit_learn():
    y = torch.arange(300) % 3
    x = torch.randn(300, 2).double() + torch.eye(3, 2)[y]  # they overlap, so that the optimum is finite
    reached = fit(Linear(DataSpec("classification", (2,), 3)).double(), functional.cross_entropy, x, y)
    best = LogisticRegression(C=float("inf"), tol=1e-10, max_iter=10_000).fit(x.numpy(), y.numpy())
    assert reached == pytest.approx(log_loss(y.numpy(), best.predict_proba(x.numpy())), abs=1e-6)
{%- if cookiecutter.examples == 'all' %}


def test_of_a_panel_it_forecasts_from_all_that_a_window_holds(windows):
    panel, (shop, past, past_day, price, day) = windows
    network, eye = Linear(panel), torch.eye(7)
    steps = torch.cat([past, eye[past_day[..., 0]]], dim=2)
    rows = torch.cat([steps.flatten(1), price.flatten(1), torch.eye(3)[shop[:, 0]], eye[day[..., 0]].flatten(1)], dim=1)
    forecast = network(shop, past, past_day, price, day)
    assert torch.allclose(forecast, network.output(rows).reshape(5, 2, 3), atol=1e-6)
{%- endif %}
