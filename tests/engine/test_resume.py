"""A run that was stopped goes on to the very weights and metrics of one that never stopped."""

import json
import os
import signal

import pytest
import torch
from hyperplane.data.datamodule import ArrayDataModule
from hyperplane.tasks.task import Task
from torch.utils.data import DataLoader, IterableDataset

from my_research.tasks.classification import Classification

SETTINGS = {
    "dropout and a schedule": "data=moons model.dropout=0.3 scheduler=cosine optimizer=momentum",
    "a schedule that watches validation": "data=moons scheduler=plateau scheduler.patience=0 optimizer.lr=0.1 "
    "trainer.check_val_every_n_epoch=2",
    "batches that begin anywhere": "data=wine model.hidden_sizes=[8] data.batch_size=20",
    "early stopping": "data=moons early_stopping.patience=2 early_stopping.min_delta=0.01 trainer.max_epochs=20",
    "gradients summed over batches": "data=moons trainer.accumulate_grad_batches=3",
    "validation within an epoch": "data=moons trainer.val_check_interval=0.5 scheduler=onecycle",
    "steps instead of epochs": "data=moons trainer.max_epochs=-1 trainer.max_steps=26 optimizer=muon",
    "L-BFGS": "data=salary model=linear optimizer=lbfgs optimizer.max_iter=2 data.batch_size=100",
    "half precision": "data=moons hardware.precision=bf16-mixed model.dropout=0.1",
    "no validation": "data=moons data.val_fraction=0 checkpoint.monitor=train/loss",
    "windows of time series": "model=tft model.hidden_size=8 data=demand data.num_series=3 data.num_steps=150 "
    "data.batch_size=20",
}
SAME = ("state_dict", "optimizer_states", "lr_schedulers", "loops", "callbacks", "global_step")


def stop_at(monkeypatch, step, hook="training_step", number=signal.SIGTERM):
    """Send a signal to this process when `hook` is called for the `step`-th time, once."""
    original, calls = getattr(Task, hook), []

    def called(self, *arguments):
        calls.append(step)
        if len(calls) == step:
            os.kill(os.getpid(), number)
        return original(self, *arguments)

    monkeypatch.setattr(Task, hook, called)


def checkpoint(folder, name="last"):
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def files(folder):
    """What lies in a run folder; its log goes on."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "train.log"}


def same(first, second):
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


def assert_goes_on(train, command, monkeypatch, settings, step, hook="training_step", number=signal.SIGTERM):
    """A run that is stopped and resumed equals one that is not; return the folders of this one and of the stopped."""
    whole = train(*settings).folder
    with monkeypatch.context() as patch:
        stop_at(patch, step, hook, number)
        stopped = train(*settings, status=128 + number).folder
    assert command("train", f"resume={stopped}").status == 0
    assert_equal(whole, stopped)
    return whole, stopped


def assert_equal(whole, resumed):
    """Every bit of two runs is the same: weights, optimizer, schedule, counters, metrics."""
    for key in SAME:
        assert same(checkpoint(whole)[key], checkpoint(resumed)[key]), key
    if (whole / "checkpoints" / "best.ckpt").exists():
        assert same(checkpoint(whole, "best")["state_dict"], checkpoint(resumed, "best")["state_dict"])
    assert (whole / "metrics.csv").read_text() == (resumed / "metrics.csv").read_text()
    ends = [json.loads((folder / "summary.json").read_text()) for folder in (whole, resumed)]
    for key in ("status", "metrics", "steps", "epochs", "checkpoint", "settings", "error"):
        assert ends[0][key] == ends[1][key], key


@pytest.mark.parametrize("name", SETTINGS)
def test_a_run_that_was_stopped_in_the_middle_of_an_epoch(train, command, monkeypatch, name):
    settings = ("trainer.max_epochs=4", *SETTINGS[name].split())
    whole = train(*settings).folder
    number = signal.SIGINT if name == "half precision" else signal.SIGTERM
    with monkeypatch.context() as patch:
        stop_at(patch, 12, number=number)
        stopped = train(*settings, status=128 + number)
    folder = stopped.folder
    assert stopped.summary["status"] == "interrupted"
    assert f"train resume={folder}" in stopped.stderr and "Traceback" not in stopped.stderr
    if name == "dropout and a schedule":
        assert stopped.summary["steps"] == 12 and len((folder / "metrics.csv").read_text().splitlines()) == 2
    done = command("train", f"resume={folder}")
    assert done.status == 0 and "continuing from last.ckpt" in done.stderr, done.stderr
    assert_equal(whole, folder)


class ByHand(Classification):
    """Three batches make up a step, by hand."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.automatic_optimization = False

    def training_step(self, batch, batch_idx):
        self.manual_backward(super().training_step(batch, batch_idx) / 3)
        if batch_idx % 3 == 2:
            self.optimizers().step()
            self.optimizers().zero_grad()


@pytest.mark.parametrize("step", [11, 12, 13])
def test_gradients_that_are_summed_by_hand_are_not_lost(train, command, monkeypatch, step):
    monkeypatch.setattr("my_research.tasks.classification.Classification", ByHand)
    settings = ("data=moons", "data.val_fraction=0", "checkpoint.monitor=train/loss", "trainer.max_epochs=3")
    assert_goes_on(train, command, monkeypatch, settings, step)


class Stream(IterableDataset):
    """Samples one after the other, with noise that is drawn for each; it has no length."""

    def __init__(self, inputs, targets):
        self.samples = list(zip(inputs, targets, strict=True))

    def __iter__(self):
        return ((point + 0.1 * torch.randn(2), target) for point, target in self.samples)


@pytest.fixture
def streamed(monkeypatch):
    """Training samples of data sets in memory are a stream."""
    loader = lambda self: DataLoader(Stream(*self.parts["train"]), batch_size=100)  # noqa: E731
    monkeypatch.setattr(ArrayDataModule, "train_dataloader", loader)


@pytest.mark.parametrize("step", [12, 16])
def test_a_stream_goes_on_with_the_draws_of_its_epoch(train, command, monkeypatch, streamed, step):
    settings = ("data=moons", "trainer.max_epochs=4")
    assert_goes_on(train, command, monkeypatch, settings, step)  # of 8 in an epoch


def test_a_stream_is_trained_longer(train, command, streamed):
    whole = train("data=moons", "trainer.max_epochs=4").folder
    folder = train("data=moons", "trainer.max_epochs=2").folder
    assert command("train", f"resume={folder}", "trainer.max_epochs=4").status == 0
    assert same(checkpoint(whole)["state_dict"], checkpoint(folder)["state_dict"])


def test_a_run_that_was_stopped_again_and_again(train, command, monkeypatch):
    settings = ("data=moons", "model.dropout=0.3", "trainer.max_epochs=4", "scheduler=warmup_cosine")
    whole = train(*settings).folder
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        folder = train(*settings, status=143).folder
    for step in (5, 1, 8):
        with monkeypatch.context() as patch:
            stop_at(patch, step)
            assert command("train", f"resume={folder}").status == 143
    assert command("train", f"resume={folder}").status == 0
    assert_equal(whole, folder)


def test_a_run_that_goes_on_with_another_metric_looks_for_its_best_anew(train, command):
    settings = ("data=mnist1d", "optimizer.lr=0.001")
    folder = train(*settings, "trainer.max_epochs=3").folder  # of a loss above 1, which no accuracy exceeds
    other = ("checkpoint.monitor=val/accuracy", "checkpoint.mode=max", "trainer.max_epochs=8")
    done = command("train", f"resume={folder}", *other)
    assert done.status == 0, done.stderr
    whole = train(*settings, *other).folder  # of whose epochs the first three do not decide
    assert checkpoint(folder, "best")["epoch"] == checkpoint(whole, "best")["epoch"] >= 3
    assert same(checkpoint(folder, "best")["state_dict"], checkpoint(whole, "best")["state_dict"])
    ends = [json.loads((place / "summary.json").read_text())["metrics"] for place in (folder, whole)]
    assert ends[0] == ends[1]


@pytest.mark.parametrize("hook", ["validation_step", "on_test_epoch_end"])
def test_a_run_that_was_stopped_while_it_measured(train, command, monkeypatch, hook):
    settings = ("data=moons", "trainer.max_epochs=3", "model.dropout=0.3")
    assert_goes_on(train, command, monkeypatch, settings, 1, hook, signal.SIGINT)


def test_a_second_ctrl_c_does_not_wait(train, command, monkeypatch):
    settings = ("data=moons", "trainer.max_epochs=3", "checkpoint.every_n_steps=2")
    whole = train(*settings).folder
    with monkeypatch.context() as patch:
        stop_at(patch, 5, number=signal.SIGINT)
        stop_at(patch, 5, number=signal.SIGINT)
        done = train(*settings, status=130)
    assert done.summary["steps"] == 4, "the step was not finished"
    assert command("train", f"resume={done.folder}").status == 0
    assert_equal(whole, done.folder)


@pytest.mark.parametrize("damage", ["cut", "flip", "swap", "delete"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(train, command, monkeypatch, damage):
    settings = ("data=moons", "model.dropout=0.3", "trainer.max_epochs=3", "checkpoint.every_n_steps=4")
    whole = train(*settings).folder
    with monkeypatch.context() as patch:
        stop_at(patch, 11)
        folder = train(*settings, status=143).folder
    (folder / "summary.json").unlink()  # as after a kill: nothing says what the checkpoint should be
    last = folder / "checkpoints" / "last.ckpt"
    content = bytearray(last.read_bytes())
    if damage == "cut":
        last.write_bytes(content[: len(content) // 2])
    elif damage == "flip":
        content[len(content) // 2] ^= 1
        last.write_bytes(content)
    elif damage == "swap":
        other = train(*settings, "seed=7").folder
        last.write_bytes((other / "checkpoints" / "last.ckpt").read_bytes())
    else:
        last.unlink()
    done = command("train", f"resume={folder}")
    assert done.status == 0 and "continuing from previous.ckpt" in done.stderr
    if damage != "delete":
        reason = "belongs to other settings: seed=7, not 0" if damage == "swap" else "last.ckpt is damaged"
        assert reason in done.stderr
    assert_equal(whole, folder)


def test_a_completed_run_can_be_trained_longer(train, command):
    settings = ("data=moons", "model.dropout=0.3")
    longer = train(*settings, "trainer.max_epochs=5").folder
    folder = train(*settings, "trainer.max_epochs=3").folder
    done = command("train", f"resume={folder}")
    assert done.status == 0 and "is completed" in done.stderr
    assert command("train", f"resume={folder}", "trainer.max_epochs=5").status == 0
    assert same(checkpoint(longer)["state_dict"], checkpoint(folder)["state_dict"])
    tables = [(run / "metrics.csv").read_text().splitlines() for run in (longer, folder)]
    assert tables[0][4:] == tables[1][4:]
    assert "is completed" in command("train", f"resume={folder}").stderr, "the new number of epochs is recorded"
    assert command("evaluate", f"run={folder}").stderr.count("as in summary.json") == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("trainer.max_epochs=2", "resume={}, which has trained 4 epochs already. Ask for more, or start a new run"),
        ("trainer.max_steps=3", "resume={}, which has trained 32 steps already. Ask for more, or start a new run"),
        ("trainer.fast_dev_run=true", "resume=: it tries out a new run"),
    ],
)
def test_a_completed_run_is_not_trained_shorter(train, command, change, message):
    folder = train("data=moons", "trainer.max_epochs=4").folder
    before = files(folder)
    done = command("train", f"resume={folder}", change)
    assert done.status == 2 and change.removesuffix("=true") in done.stderr and message.format(folder) in done.stderr
    assert files(folder) == before


def test_a_completed_run_that_cannot_go_on_stays_as_it_is(train, command, monkeypatch):
    def step(self, batch, batch_idx):
        loss = original(self, batch, batch_idx)
        return loss if self.global_step < 10 else loss * float("inf")

    original = Task.training_step
    folder = train("data=moons").folder
    before = files(folder)
    longer = (f"resume={folder}", "trainer.max_epochs=3")
    monkeypatch.setattr(Task, "training_step", step)
    done = command("train", *longer)
    assert done.status == 1 and "Diverged" in done.stderr and f"{folder} is as it was: completed." in done.stderr
    assert files(folder) == before
    assert command("train", *longer, "checkpoint.every_n_steps=1").status == 1
    assert json.loads((folder / "summary.json").read_text())["status"] == "failed"
    assert checkpoint(folder)["global_step"] == 10, "what was saved since is kept"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["resume=runs/nowhere"], "resume=runs/nowhere is not a run"),
        (["resume={folder}", "seed=5"], "seed=5 cannot be set together with resume="),
        (["resume={folder}", "model=cnn"], "model=cnn cannot be set together with resume="),
        (["-m", "resume={folder}", "seed=1,2"], "To resume a sweep, use the command that started it."),
        (["resume={folder}", "trainer.max_epochs=-7"], "trainer.max_epochs=-7 is not allowed"),
        (["resume={folder}", "trainer.max_epoch=7"], "Did you mean trainer.max_epochs?"),
    ],
)
def test_a_mistake_leaves_the_run_as_it_is(train, command, overrides, message):
    folder = train("data=moons", "trainer.max_steps=3").folder
    before = files(folder)
    done = command("train", *(override.format(folder=folder) for override in overrides))
    assert done.status == 2 and message in done.stderr
    assert files(folder) == before


def test_a_run_that_is_being_trained_is_not_trained_twice(train, command, monkeypatch):
    from filelock import FileLock
    from hyperplane.run_folder import locks

    monkeypatch.setattr(locks, "SECONDS_TO_LEAVE", 0.1)
    folder = train("data=moons", "trainer.max_steps=3").folder
    with FileLock(folder / ".lock"):
        done = command("train", f"resume={folder}", "trainer.max_steps=5")
    assert done.status == 2 and "is being trained by another process" in done.stderr
    assert json.loads((folder / "summary.json").read_text())["steps"] == 3


def test_a_job_of_a_sweep_goes_on_and_one_with_other_settings_starts_anew(train, monkeypatch):
    sweep = ("-m", "data=moons", "model=mlp", "seed=1,2", "sweep=try", "trainer.max_epochs=3")
    with monkeypatch.context() as patch:
        stop_at(patch, 5)
        done = train(*sweep, status=143)
    assert "0 of 2 jobs completed" in done.stderr and "The same command resumes it" in done.stderr
    again = train(*sweep)
    assert again.stderr.count("continuing from last.ckpt") == 1
    with monkeypatch.context() as patch:
        patch.setattr("hyperplane.sweeps.sweep.fingerprint", lambda settings: "other")
        assert train(*sweep).stderr.count("ran with other settings than those that hold now") == 2


def test_a_loss_that_diverges_leaves_the_last_good_checkpoint(train, command, monkeypatch):
    original = Task.training_step

    def step(self, batch, batch_idx):
        loss = original(self, batch, batch_idx)
        return loss if self.global_step < 9 else loss * float("inf")

    with monkeypatch.context() as patch:
        patch.setattr(Task, "training_step", step)
        done = train("data=moons", "trainer.max_epochs=4", "checkpoint.every_n_steps=1", status=1)
    assert "Diverged" in done.summary["error"]
    last = checkpoint(done.folder)
    assert last["global_step"] == 9 and all(value.isfinite().all() for value in last["state_dict"].values())
    assert command("train", f"resume={done.folder}").status == 0, "the fault is gone, and so the run ends"
