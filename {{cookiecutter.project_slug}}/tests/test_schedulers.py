"""Learning rate schedules follow their formulas."""

import math

import pytest
import torch

from {{ cookiecutter.package_name }}.schedulers import cosine, plateau


@pytest.fixture
def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


@pytest.mark.parametrize("final_fraction", [0.0, 0.2])
def test_cosine_falls_from_lr_to_its_final_fraction(optimizer, final_fraction):
    schedule = cosine(optimizer, total_steps=100, final_fraction=final_fraction)
    rates = []
    for _ in range(120):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates[0] == pytest.approx(0.1)
    assert rates[25] == pytest.approx(0.1 * (final_fraction + (1 - final_fraction) * (1 + math.sqrt(0.5)) / 2))
    assert rates[50] == pytest.approx(0.1 * (1 + final_fraction) / 2)
    assert rates[100] == pytest.approx(0.1 * final_fraction, abs=1e-12)
    assert rates[119] == rates[100], "it stays there"
    assert rates[:101] == sorted(rates[:101], reverse=True)


def test_plateau_halves_the_rate_when_the_loss_stops_falling(optimizer):
    schedule = plateau(optimizer, total_steps=100, factor=0.5, patience=2)
    rates = []
    for loss in (3, 2, 1, 1, 1, 1, 0.5):
        schedule.step(loss)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == [0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05]
