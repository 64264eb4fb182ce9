"""Learning rate schedules follow their formulas."""

import math

import pytest
import torch
from hyperplane.components import build, settings_class
from hyperplane.project import current
from omegaconf import OmegaConf

from my_research.schedulers.cosine import cosine, onecycle, warmup_cosine


@pytest.fixture
def optimizer():
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)


def rates(optimizer, schedule, steps=120):
    """The learning rate of each step."""
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return seen


@pytest.mark.parametrize("final_fraction", [0.0, 0.2])
def test_cosine_falls_from_lr_to_its_final_fraction(optimizer, final_fraction):
    lr = rates(optimizer, cosine(optimizer, total_steps=100, final_fraction=final_fraction))
    assert lr[0] == pytest.approx(0.1)
    assert lr[25] == pytest.approx(0.1 * (final_fraction + (1 - final_fraction) * (1 + math.sqrt(0.5)) / 2))
    assert lr[50] == pytest.approx(0.1 * (1 + final_fraction) / 2)
    assert lr[100] == pytest.approx(0.1 * final_fraction, abs=1e-12)
    assert lr[119] == lr[100], "it stays there"
    assert lr[:101] == sorted(lr[:101], reverse=True)


def test_warmup_cosine_rises_along_a_line_and_falls_along_a_cosine(optimizer):
    lr = rates(optimizer, warmup_cosine(optimizer, total_steps=100, warmup_fraction=0.2, final_fraction=0.1))
    assert lr[:20] == pytest.approx([0.1 * step / 20 for step in range(1, 21)])
    assert lr[20] == pytest.approx(0.1)
    assert lr[40] == pytest.approx(0.1 * (0.1 + 0.9 * (1 + math.sqrt(0.5)) / 2))
    assert lr[60] == pytest.approx(0.1 * 0.55)
    assert lr[100] == lr[119] == pytest.approx(0.01)


def test_without_a_warmup_only_the_cosine_is_left(optimizer):
    fallen = rates(optimizer, warmup_cosine(optimizer, total_steps=100, warmup_fraction=0.0))
    again = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    assert fallen == pytest.approx(rates(again, cosine(again, total_steps=100)))


def test_onecycle_rises_and_falls_along_cosines(optimizer):
    lr = rates(optimizer, onecycle(optimizer, total_steps=100, rise_fraction=0.4, initial_fraction=0.1))
    assert lr[0] == pytest.approx(0.01)
    assert lr[10] == pytest.approx(0.1 * (1 - 0.9 * (1 + math.sqrt(0.5)) / 2))
    assert lr[20] == pytest.approx(0.1 * 0.55)
    assert lr[40] == pytest.approx(0.1)
    assert lr[70] == pytest.approx(0.05)
    assert lr[100] == lr[119] == pytest.approx(0.0, abs=1e-12)


def test_onecycle_is_that_of_torch(optimizer):
    lr = rates(optimizer, onecycle(optimizer, total_steps=100, rise_fraction=0.3), 101)
    other = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1, momentum=0.9)
    # Torch counts from the first step to the last, here the last is the end of the run: 101 rates, peak at 30.
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        other, 0.1, total_steps=101, pct_start=31 / 101, div_factor=25, final_div_factor=1e9
    )
    assert lr == pytest.approx([rate for rate in rates(other, NeverTooLong(theirs, 100), 101)], abs=1e-9)


class NeverTooLong:
    """A schedule that is not asked for more steps than it has."""

    def __init__(self, schedule, steps):
        self.schedule, self.steps = schedule, steps

    def step(self):
        if self.steps:
            self.steps -= 1
            self.schedule.step()


@pytest.mark.parametrize("schedule", [cosine, warmup_cosine, onecycle])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_a_rate(optimizer, schedule, steps):
    assert all(0 <= rate <= 0.1 for rate in rates(optimizer, schedule(optimizer, total_steps=steps), 5))


def chosen(name, optimizer, **offers):
    """The schedule that a file of configs/scheduler/ builds."""
    given = OmegaConf.to_container(OmegaConf.load(current().configs / "scheduler" / f"{name}.yaml"))
    settings = settings_class(given["_target_"], "scheduler").model_validate(given)
    return build(settings, optimizer=optimizer, **offers)


def test_plateau_halves_the_rate_when_the_metric_gets_no_better(optimizer):
    schedule = chosen("plateau", optimizer, mode="max")
    seen = []
    for score in (1, 2, 3, *[3] * 11, 4):
        schedule.step(score)
        seen.append(optimizer.param_groups[0]["lr"])
    assert seen == [0.1] * 13 + [0.05, 0.05]


@pytest.mark.parametrize(("metric", "mode"), [("val/accuracy", "max"), ("val_loss", "min")])
def test_plateau_goes_in_the_direction_of_the_metric_that_it_watches(train, metric, mode):
    done = train("data=moons", "scheduler=plateau", f"scheduler.monitor={metric}")
    last = torch.load(done.folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["lr_schedulers"][0]["mode"] == mode


def test_torchs_schedules_follow_their_files(optimizer):
    lr = rates(optimizer, chosen("step", optimizer), 61)
    assert lr[:30] == [0.1] * 30 and lr[30:] == pytest.approx([0.01] * 30 + [0.001])
    again = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    assert rates(again, chosen("exponential", again), 5)[4] == pytest.approx(0.1 * 0.95**4)
    third = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    lr = rates(third, chosen("cosine_restarts", third), 31)
    assert [lr[0], lr[5], lr[10], lr[20], lr[30]] == pytest.approx([0.1, 0.05, 0.1, 0.05, 0.1]), "10 steps, then 20"


@pytest.mark.parametrize("scheduler", ["cosine", "warmup_cosine", "onecycle"])
def test_a_schedule_over_the_whole_run_needs_its_end(train, scheduler):
    done = train(f"scheduler={scheduler}", "trainer.max_epochs=-1", status=2)
    assert f"scheduler={scheduler} needs an end" in done.stderr and not done.folders
