"""Schedules that a file chooses follow it, and are told what they ask for."""

import pytest
import torch
from hyperplane.components import build, settings_class
from hyperplane.configs import files
from omegaconf import OmegaConf


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


def chosen(name, optimizer, **offers):
    """The schedule that a file of configs/scheduler/ builds."""
    (path,) = (path for path in files("scheduler") if path.stem == name)
    given = OmegaConf.to_container(OmegaConf.load(path))
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
