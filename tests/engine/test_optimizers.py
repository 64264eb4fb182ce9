"""Optimizers lower the loss through `train`, and say what they cannot do."""

import csv

import pytest


def losses(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return [float(row["train/loss"]) for row in csv.DictReader(file) if row["train/loss"]]


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw", "rmsprop", "lbfgs", "muon"])
def test_an_optimizer_lowers_the_loss(train, optimizer):
    done = train("data=moons", f"optimizer={optimizer}", "trainer.max_epochs=4", "data.batch_size=720")
    assert done.summary["steps"] == 4
    first, *_, last = losses(done.folder)
    assert last < 0.97 * first


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_training_metrics_count_each_batch_once_before_its_step(train, optimizer):
    options = ("data=moons", f"optimizer={optimizer}", "data.batch_size=1000")
    still = losses(train(*options, "optimizer.lr=1e-9").folder)
    moving = losses(train(*options, "trainer.max_epochs=2").folder)
    assert moving[0] == pytest.approx(still[0], rel=1e-5), "the loss of the first weights"
    assert moving[1] < moving[0]


def test_lbfgs_reaches_in_a_few_steps_what_no_gradient_step_does(train):
    options = ("data=moons", "model=linear", "data.batch_size=1000", "trainer.max_epochs=3")
    quick = train(*options, "optimizer=lbfgs").summary["metrics"]["val/loss"]
    slow = train(*options, "optimizer=adam").summary["metrics"]["val/loss"]
    assert quick < 0.7 * slow


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("trainer.accumulate_grad_batches=2", "accumulate_grad_batches"),
        ("hardware.accelerator=gpu hardware.precision=16-mixed", "16-mixed"),
    ],
)
def test_what_lbfgs_cannot_do_is_refused_before_training(train, override, key):
    done = train("data=moons", "optimizer=lbfgs", *override.split(), status=2)
    assert "optimizer=lbfgs" in done.stderr and key in done.stderr
    assert not done.folders
