"""Learning rate schedules follow their formulas."""

import math

import pytest
import torch

from {{ cookiecutter.package_name }}.schedulers.cosine import cosine{% if cookiecutter.examples == 'all' %}, onecycle, warmup_cosine{% endif %}


def rates(schedule, steps=120, **settings):
    """Return the learning rate of each step, for a rate of 0.1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    made = schedule(optimizer, **settings)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        made.step()
    return seen


@pytest.mark.parametrize("final_fraction", [0.0, 0.2])
def test_cosine_falls_from_lr_to_its_final_fraction(final_fraction):
    lr = rates(cosine, total_steps=100, final_fraction=final_fraction)
    assert lr[0] == pytest.approx(0.1)
    assert lr[25] == pytest.approx(0.1 * (final_fraction + (1 - final_fraction) * (1 + math.sqrt(0.5)) / 2))
    assert lr[50] == pytest.approx(0.1 * (1 + final_fraction) / 2)
    assert lr[100] == pytest.approx(0.1 * final_fraction, abs=1e-12)
    assert lr[119] == lr[100], "it stays there"
    assert lr[:101] == sorted(lr[:101], reverse=True)
{%- if cookiecutter.examples == 'all' %}


def test_warmup_cosine_rises_along_a_line_and_falls_along_a_cosine():
    lr = rates(warmup_cosine, total_steps=100, warmup_fraction=0.2, final_fraction=0.1)
    assert lr[:20] == pytest.approx([0.1 * step / 20 for step in range(1, 21)])
    assert lr[20] == pytest.approx(0.1)
    assert lr[40] == pytest.approx(0.1 * (0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2))
    assert lr[60] == pytest.approx(0.1 * 0.55)
    assert lr[100] == lr[119] == pytest.approx(0.01)


def test_without_a_warmup_only_the_cosine_is_left():
    assert rates(warmup_cosine, total_steps=100, warmup_fraction=0.0) == pytest.approx(rates(cosine, total_steps=100))


def test_onecycle_is_that_of_torch():
    # Torch counts from the first step to the last, here the last is the end of the run: 101 rates, peak at 30.
    theirs = torch.optim.lr_scheduler.OneCycleLR
    settings = {"max_lr": 0.1, "pct_start": 31 / 101, "final_div_factor": 1e9, "cycle_momentum": False}
    ours = rates(onecycle, 101, total_steps=100, rise_fraction=0.3)
    assert ours[:100] == pytest.approx(rates(theirs, 100, total_steps=101, **settings), abs=1e-9)
{%- endif %}


@pytest.mark.parametrize("schedule", [cosine{% if cookiecutter.examples == 'all' %}, warmup_cosine, onecycle{% endif %}])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_a_rate(schedule, steps):
    assert all(0 <= rate <= 0.1 for rate in rates(schedule, 5, total_steps=steps))
