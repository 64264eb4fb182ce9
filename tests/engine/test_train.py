"""A run trains what was asked, leaves everything in its folder, and ends honestly."""

import csv
import json
import math
import os
import re
import signal
from pathlib import Path
from threading import Event
from typing import ClassVar

import pytest
import torch
from hyperplane.checkpoints import best, file
from hyperplane.checkpoints.copies import copied
from hyperplane.checkpoints.file import AtomicCheckpoints
from hyperplane.data.spec import DataSpec
from hyperplane.loop import progress
from hyperplane.metrics.metric_names import MetricNames
from hyperplane.run_folder.integrity import read_summary
from hyperplane.tasks.task import Task
from hyperplane.training import steps
from lightning.pytorch import LightningModule
from torch.nn.functional import cross_entropy
from torchmetrics.classification import MulticlassAccuracy

from my_research.data.mnist1d import MNIST1D
from my_research.models.mlp import MLP

BATCHES = 36  # of 100 in an epoch: a tenth of the 4000 training signals is held out


def weights(folder, name="last"):
    """The network's parameters in a checkpoint, by name."""
    state = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]
    return {key.removeprefix("network."): value for key, value in state.items() if key.startswith("network.")}


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def rows(folder):
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def strict_json(path):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


def test_the_summary_says_what_ran_and_how_it_ended(train):
    done = train("model=mlp", "seed=3")
    folder, summary = done.folder, strict_json(done.folder / "summary.json")
    assert re.fullmatch(r"runs/\d{4}-\d\d-\d\d/\d\d-\d\d-\d\d-[0-9a-f]+", folder.as_posix())
    assert (summary["status"], summary["error"], summary["seed"]) == ("completed", None, 3)
    assert (summary["steps"], summary["epochs"], summary["parameters"]) == (BATCHES, 1, 15210)
    measured = {f"{stage}/{name}" for stage in ("train", "val", "test") for name in ("loss", "accuracy")}
    assert measured | {"test/naive_loss", "test/naive_accuracy"} == set(summary["metrics"])
    assert {"model=mlp", "seed=3", "trainer.max_epochs=1"} <= set(summary["overrides"])
    assert summary["choices"] | {"model": "mlp", "data": "mnist1d", "optimizer": "adam"} == summary["choices"]
    seconds = summary["seconds"]
    assert {"startup", "fit", "test", "total"} <= set(seconds)
    assert 0 < seconds["startup"] + seconds["fit"] + seconds["test"] < seconds["total"] + 0.01
    assert summary["checkpoint"]["tested"] == "best"
    for name in ("best", "last"):
        assert summary["checkpoint"][name] == f"checkpoints/{name}.ckpt"
        assert (folder / summary["checkpoint"][name]).is_file()
    assert set(summary["git"]) == {"commit", "dirty"}
    assert summary["versions"]["torch"] == torch.__version__
    assert summary["hardware"]["accelerator"] == "cpu"
    for name in (".hydra/config.yaml", "metrics.csv", "train.log"):
        assert (folder / name).stat().st_size > 0
    assert not list(folder.rglob("*.partial")) + list(folder.rglob("*.tmp"))


def test_copies_of_weights_are_of_any_kind_and_share_no_memory():
    tensor = torch.arange(6.0)
    weights = {"a": tensor, "tied": tensor, "part": tensor[2:4], "sparse": torch.eye(3).to_sparse(), "state": {"n": 1}}
    copies = copied(weights)
    tensor.zero_()
    weights["sparse"].values().zero_()
    assert copies["a"].tolist() == list(range(6)) and copies["tied"] is copies["a"]
    assert copies["part"].tolist() == [2, 3] and copies["part"].untyped_storage().nbytes() == 8
    assert copies["sparse"].to_dense().equal(torch.eye(3)) and copies["state"] == {"n": 1}


def test_the_best_weights_of_quick_epochs_go_into_a_file_now_and_then(train, monkeypatch):
    """And the test reads none where it has a copy of them in memory."""
    written, save, reads = [], AtomicCheckpoints.save_checkpoint, []

    def noted(self, checkpoint, path, storage_options=None):
        written[-1].append(Path(path).name)
        save(self, checkpoint, path, storage_options)

    monkeypatch.setattr(AtomicCheckpoints, "save_checkpoint", noted)
    monkeypatch.setattr(file, "read", lambda path, read=file.read: (reads.append(path.name), read(path))[1])
    found = []
    for seconds in (0, 1000):
        monkeypatch.setattr(best, "SECONDS_BETWEEN_FILES", seconds)
        written.append([])
        found.append(train("data=moons", "optimizer.lr=0.001", "trainer.max_epochs=9"))
    assert written == [[*["best.ckpt"] * 9, "last.ckpt"], ["best.ckpt", "last.ckpt"]]
    assert reads == ["best.ckpt"]
    assert same(weights(found[0].folder, "best"), weights(found[1].folder, "best"))
    assert found[0].summary["metrics"] == found[1].summary["metrics"]


def test_a_run_is_completed_when_its_checkpoints_are_on_the_disk(train, monkeypatch):
    """The last ones get there while it tests: flushing waits here until the test has ended."""
    tested, flushed, test = Event(), [], steps.test

    def flush(path):
        assert tested.wait(60)
        assert read_summary(path.parents[1]) == {}
        flushed.append(path.name)

    monkeypatch.setattr(file, "flush", flush)
    monkeypatch.setattr(steps, "test", lambda *known: (test(*known), tested.set())[0])
    assert train("data=moons", "trainer.max_epochs=1").summary["status"] == "completed"
    assert flushed == ["last.ckpt", "best.ckpt"]

    def fail(path):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(file, "flush", fail)
    failed = train("data=moons", "trainer.max_epochs=1", status=1)
    assert failed.summary["status"] == "failed" and "Input/output error" in failed.summary["error"]


def test_the_bar_says_where_a_run_is_and_is_drawn_now_and_then(train, monkeypatch):
    drawn, draw = [], progress.tqdm.refresh
    monkeypatch.setattr(progress.tqdm, "refresh", lambda bar, **_: (drawn.append(str(bar)), draw(bar)))
    shown = ("data=moons", "trainer.max_epochs=3", "trainer.enable_progress_bar=true")
    train(*shown)
    assert 1 <= len(drawn) < 20
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_DRAWINGS", 0)
    drawn.clear()
    done = train(*shown)
    steps = done.summary["steps"] // 3
    assert len(drawn) == 3 * (steps + 1) + 1, "every batch of training and validation, and one of the test"
    assert drawn[steps].startswith("epoch 1, validation |") and "| 1/1, " in drawn[steps]
    assert drawn[-2].startswith("epoch 3, validation") and "steps/s  " in drawn[-2] and "val/accuracy 0." in drawn[-2]
    assert drawn[-1].startswith("test ")
    assert drawn[0].startswith("epoch 1 |") and f"| 1/{steps}, " in drawn[0]


def test_a_metric_of_the_training_decides_at_the_end_of_each_epoch(train):
    done = train("data=moons", "optimizer.lr=0.001", "trainer.max_epochs=3", "checkpoint.monitor=train/loss")
    best = torch.load(done.folder / "checkpoints" / "best.ckpt", weights_only=True)
    losses = [float(row["train/loss"]) for row in rows(done.folder)[:3]]
    assert losses[2] < losses[1] < losses[0] and (best["epoch"], best["global_step"]) == (2, done.summary["steps"])
    assert done.summary["metrics"]["train/loss"] == losses[2] and done.summary["checkpoint"]["tested"] == "best"


@pytest.mark.parametrize(("mode", "better"), [("min", [0.5, 0.4]), ("max", [0.5, 0.6])])
def test_a_score_that_is_no_number_is_never_the_best(tmp_path, mode, better):
    kept = best.BestCheckpoint("val/loss", mode, tmp_path, DataSpec(), MetricNames())
    for score, expected in ((math.nan, False), (better[0], True), (math.nan, False), (better[1], True), (0.5, False)):
        assert kept.is_best(torch.tensor(score)) == expected
        if expected:
            kept.score = torch.tensor(score)


def test_a_metric_that_is_never_a_number_is_named(train, monkeypatch):
    monkeypatch.setattr(MulticlassAccuracy, "compute", lambda self: torch.tensor(math.nan))
    done = train("data=moons", "trainer.max_epochs=2")
    (warning,) = [line for line in done.summary["warnings"] if "never a number" in line]
    assert warning.startswith("val/accuracy, train/accuracy, test/accuracy were never a number: ")
    assert warning in done.stderr and done.summary["metrics"]["val/accuracy"] is None


class Silent(LightningModule):
    """Validates, and logs nothing of it."""

    def __init__(self, network, loss, spec, scaling, optimizer, *others):
        super().__init__()
        self.network, self.loss, self.optimizer = network, loss, optimizer

    def training_step(self, batch, batch_idx):
        loss = self.loss(self.network(batch[0]), batch[1])
        self.log("train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, batch_idx):
        self.network(batch[0])

    def configure_optimizers(self):
        return self.optimizer(self.parameters())


def test_a_task_that_logs_no_metric_of_its_validation_is_told_what_helps(train, monkeypatch):
    monkeypatch.setattr("my_research.tasks.classification.Classification", Silent)
    said = train("data=moons", status=2).stderr
    assert "checkpoint.monitor=val/loss is not measured here: the validation logs nothing." in said
    assert said.rstrip().endswith("checkpoint.monitor=train/loss. checkpoint.test=last needs none")
    assert train("data=moons", "checkpoint.test=last").summary["checkpoint"]["tested"] == "last"
    done = train("data=moons", "checkpoint.monitor=train/loss")
    assert done.summary["checkpoint"]["tested"] == "best"
    assert f"train/loss {done.summary['metrics']['train/loss']:.4f} with the best weights" in done.stderr, "no test"


class Best(Silent):
    """Trains best in its second epoch; what it watches is in metrics.csv as train/score_step and train/score_epoch."""

    higher_is_better: ClassVar = {"score": True}

    def training_step(self, batch, batch_idx):
        self.log("train/score", -abs(self.current_epoch - 1.0), on_step=True, on_epoch=True)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch, batch_idx):
        self.log("val/epoch", float(self.current_epoch))


def test_a_summary_has_the_epoch_of_the_weights_that_were_chosen(train, monkeypatch):
    monkeypatch.setattr("my_research.tasks.classification.Classification", Best)
    done = train("data=moons", "checkpoint.monitor=train/score", "checkpoint.mode=max", "trainer.max_epochs=4")
    best = torch.load(done.folder / "checkpoints" / "best.ckpt", weights_only=True)
    assert done.summary["metrics"]["val/epoch"] == best["epoch"] == 1


def test_the_best_weights_of_a_run_that_fails_are_in_their_file(train, monkeypatch):
    monkeypatch.setattr(best, "SECONDS_BETWEEN_FILES", 1000)
    original = Task.training_step

    def step(self, batch, batch_idx):
        if self.current_epoch == 5:
            raise RuntimeError("a fault of the model")
        return original(self, batch, batch_idx)

    monkeypatch.setattr(Task, "training_step", step)
    done = train("data=moons", "optimizer.lr=0.001", "trainer.max_epochs=9", status=1)
    assert torch.load(done.folder / "checkpoints" / "best.ckpt", weights_only=True)["epoch"] == 4


# At this rate the loss is smallest after the second of three epochs, the accuracy highest after the last.
OVERSHOOTS = ("trainer.max_epochs=3", "optimizer.lr=0.03")


@pytest.mark.parametrize(("monitor", "best", "other"), [("val/loss", 1, 2), ("val/accuracy", 2, 1)])
def test_the_metrics_are_those_of_the_tested_checkpoint(train, data_folder, monitor, best, other):
    done = train(f"checkpoint.monitor={monitor}", *OVERSHOOTS)
    metrics, table = done.summary["metrics"], rows(done.folder)
    assert [int(row["step"]) for row in table[:3]] == [BATCHES - 1, 2 * BATCHES - 1, 3 * BATCHES - 1]
    for name in ("train/loss", "val/loss", "val/accuracy"):
        assert float(table[best][name]) == metrics[name] != float(table[other][name])
    for name in ("test/loss", "test/accuracy"):
        assert float(table[-1][name]) == metrics[name]

    data = MNIST1D(folder=str(data_folder), batch_size=100, val_fraction=0.1, shuffle=True, seed=0)
    data.setup()
    network = MLP(data.spec)
    network.load_state_dict(weights(done.folder, "best"))
    network.eval()
    for part in ("val", "test"):
        inputs, targets = data.parts[part]
        logits = network(inputs)
        assert cross_entropy(logits, targets).item() == pytest.approx(metrics[f"{part}/loss"], rel=1e-5)
        accuracy = (logits.argmax(dim=1) == targets).float().mean().item()
        assert accuracy == pytest.approx(metrics[f"{part}/accuracy"])


def test_training_is_what_plain_torch_does(train, data_folder):
    """Same first weights and batches, and a loop without Lightning: the same weights come out."""
    done = train("model=mlp", "data.val_fraction=0", "optimizer=sgd", "seed=5")
    data = MNIST1D(folder=str(data_folder), batch_size=100, val_fraction=0, shuffle=True, seed=5)
    data.setup()
    torch.manual_seed(5)
    network = MLP(data.spec)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    for inputs, targets in data.train_dataloader():
        optimizer.zero_grad()
        cross_entropy(network(inputs), targets).backward()
        optimizer.step()
    for name, value in network.state_dict().items():
        assert torch.allclose(weights(done.folder)[name], value, atol=1e-6), name


def test_a_seed_gives_the_same_weights_to_the_last_bit(train, tmp_path):
    (tmp_path / "data" / "mnist1d.npz").unlink()  # the run that generates the data is no exception
    first, again, other = (train("model.dropout=0.2", f"seed={seed}") for seed in (1, 1, 2))
    assert same(weights(first.folder), weights(again.folder))
    assert first.summary["metrics"] == again.summary["metrics"]
    assert not same(weights(first.folder), weights(other.folder))


def test_a_model_that_is_solved_at_once_has_its_best_weights_in_a_file_too(train):
    done = train("data=moons", "model=kernel_svm")
    assert done.summary["checkpoint"] == {
        **{name: f"checkpoints/{name}.ckpt" for name in ("best", "last")},
        "tested": "best",
    }


def test_checkpoints_hold_tensors_and_plain_values_only(train):
    done = train("scheduler=cosine")
    for path in (done.folder / "checkpoints").iterdir():
        checkpoint = torch.load(path, weights_only=True)
        assert {"state_dict", "global_step", "epoch"} <= set(checkpoint)
    last = torch.load(done.folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["optimizer_states"] and last["lr_schedulers"], "training could go on"


@pytest.mark.parametrize("steps", [1, 35, 36, 37, 100])
def test_max_steps_is_kept_exactly(train, steps):
    done = train("trainer.max_epochs=-1", f"trainer.max_steps={steps}", "model=linear")
    assert done.summary["steps"] == steps
    assert torch.load(done.folder / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == steps
    assert int(rows(done.folder)[-2]["step"]) == steps - 1, "the part of an epoch is in the table too"
    assert "WARNING" not in done.stderr


def test_without_validation_data_the_last_weights_are_tested(train):
    done = train("data.val_fraction=0", "trainer.max_epochs=2", "trainer.max_steps=50")
    assert done.summary["checkpoint"] == {"best": None, "last": "checkpoints/last.ckpt", "tested": "last"}
    assert done.summary["steps"] == 50
    tested = {f"test/{naive}{name}" for naive in ("", "naive_") for name in ("loss", "accuracy")}
    assert set(done.summary["metrics"]) == {"train/loss", "train/accuracy"} | tested
    assert "WARNING" not in done.stderr


def test_the_last_weights_can_be_asked_for(train):
    done = train("checkpoint.test=last", *OVERSHOOTS)
    assert done.summary["checkpoint"]["tested"] == "last"
    assert done.summary["metrics"]["val/loss"] == float(rows(done.folder)[2]["val/loss"])


@pytest.mark.parametrize("model", ["linear", "mlp", "cnn", "rnn"])
@pytest.mark.parametrize("data", ["mnist1d", "mnist1d_shuffled", "moons"])
def test_every_model_trains_on_the_data_that_fit(train, model, data):
    if data == "moons" and model in ("cnn", "rnn"):
        pytest.skip("these need signals; see test_errors.py")
    done = train(f"model={model}", f"data={data}", "trainer.max_steps=3")
    assert done.summary["status"] == "completed" and done.summary["steps"] == 3


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
@pytest.mark.parametrize("scheduler", ["none", "cosine", "plateau"])
def test_every_optimizer_learns_under_every_schedule(train, optimizer, scheduler):
    done = train(f"optimizer={optimizer}", f"scheduler={scheduler}", "data=moons", "trainer.max_epochs=8")
    losses = [float(row["train/loss"]) for row in rows(done.folder)[:8]]
    assert losses[-1] < losses[0]


def test_cosine_ends_with_the_run(train):
    words = ("data=mnist1d_shuffled", "optimizer.lr=0.01", "trainer.max_epochs=2")
    done = train("scheduler=cosine", "scheduler.final_fraction=0.25", *words)
    (state,) = torch.load(done.folder / "checkpoints" / "last.ckpt", weights_only=True)["lr_schedulers"]
    assert state["_last_lr"] == pytest.approx([0.0025])


@pytest.mark.parametrize(
    "overrides",
    [
        "trainer.gradient_clip_val=1.0 trainer.accumulate_grad_batches=4",
        "trainer.limit_val_batches=0",
        "trainer.overfit_batches=2",
        "trainer.val_check_interval=0.5",
        "hardware.precision=bf16-mixed",
        "hardware.precision=bf16-mixed trainer.gradient_clip_val=1.0 trainer.accumulate_grad_batches=4",
        "hardware.precision=64-true",
        "hardware.precision=bf16-true",
        "trainer.deterministic=true",
        "trainer.max_time=00:00:01:00",
        "checkpoint.monitor=val/accuracy checkpoint.mode=max",
        "checkpoint.monitor=train/loss trainer.val_check_interval=0.5 early_stopping.patience=1",
        "data.batch_size=5000",
        "data.batch_size=1 trainer.max_steps=3",
    ],
)
def test_the_trainer_takes_its_arguments(train, overrides):
    assert train(*overrides.split(), "figures=true").summary["status"] == "completed"


def test_a_run_that_diverges_says_where_and_what_to_do(train):
    done = train("optimizer=sgd", "optimizer.lr=1e6", "trainer.max_epochs=5", "checkpoint.every_n_steps=1", status=1)
    error = strict_json(done.folder / "summary.json")["error"]
    pattern = r"Diverged: train/loss became (nan|inf); the last finite one was (\S+) \(step (\d+), epoch 0\)"
    found = re.match(pattern, error)
    assert found and math.isfinite(float(found[2]))
    assert "Lower optimizer.lr (now 1000000.0)" in error and error in done.stderr
    # The last checkpoint is from before, with finite weights: the step that is named is the first that fails.
    last = torch.load(done.folder / "checkpoints" / "last.ckpt", weights_only=True)
    assert all(bool(value.isfinite().all()) for value in last["state_dict"].values())
    assert last["global_step"] < int(found[3]) <= last["global_step"] + 2


@pytest.mark.parametrize(
    ("data", "names"),
    [
        ("mnist1d", {"learning_curves.png", "confusion_matrix.png"}),
        ("moons", {"learning_curves.png", "confusion_matrix.png", "decision_regions.png"}),
        ("salary", {"learning_curves.png", "residuals.png", "fitted_line.png"}),
        ("plane", {"learning_curves.png", "residuals.png", "fitted_surface.png"}),
        ("diabetes", {"learning_curves.png", "residuals.png"}),
    ],
)
def test_figures_explain_the_run(train, data, names):
    done = train(f"data={data}", "figures=true")
    assert {path.name for path in (done.folder / "figures").iterdir()} == names


def test_the_csv_tracker_receives_the_metrics(train):
    done = train("tracking=csv")
    with (done.folder / "csv" / "metrics.csv").open(newline="") as file:
        tracked = list(csv.DictReader(file))
    for name, value in done.summary["metrics"].items():
        assert value in [float(row[name]) for row in tracked if row.get(name)], name


def test_wandb_keeps_the_run_in_its_folder_when_offline(train, monkeypatch, tmp_path):
    import wandb

    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb_config"))
    done = train("tracking=wandb", "tracking.mode=offline", "figures=true")
    wandb.teardown()  # its process may not have written everything yet, as it has when a command ends
    (file,) = (done.folder / "wandb").glob("offline-run-*/run-*.wandb")
    content = file.read_bytes()
    for words in (b"hidden_sizes", b"test/accuracy", b"figures/confusion_matrix", b"last.ckpt", b"completed"):
        assert words in content


def test_a_run_that_fails_says_so_in_its_folder(train, monkeypatch):
    def step(self, batch, batch_idx):
        raise RuntimeError("the loss is broken")

    monkeypatch.setattr(Task, "training_step", step)
    done = train(status=1)
    assert done.summary["status"] == "failed"
    assert done.summary["error"] == "RuntimeError: the loss is broken"
    log = (done.folder / "train.log").read_text(encoding="utf-8")
    assert "Traceback" in log and 'raise RuntimeError("the loss is broken")' in log
    assert "GPU available" not in log and "pypi.org" not in log, "what Lightning says of each Trainer"
    assert "the loss is broken" in done.stderr and "train.log" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_stopped_goes_on_to_the_same_weights(train, command, monkeypatch, number, status):
    original = Task.training_step

    def step(self, batch, batch_idx):
        if (self.current_epoch, batch_idx) == (2, 5) and not signalled:
            signalled.append(number)
            os.kill(os.getpid(), number)
        return original(self, batch, batch_idx)

    settings = ("trainer.max_epochs=4", "model.dropout=0.3", "scheduler=cosine", "optimizer=momentum")
    signalled = [0]
    whole = train(*settings)
    signalled.clear()
    monkeypatch.setattr(Task, "training_step", step)
    done = train(*settings, status=status)
    assert (done.summary["status"], done.summary["steps"]) == ("interrupted", 2 * BATCHES + 6), "the step is finished"
    assert done.summary["checkpoint"]["best"] == "checkpoints/best.ckpt"
    assert [int(row["epoch"]) for row in rows(done.folder)] == [0, 1]
    assert f"train resume={done.folder}" in done.stderr and "Traceback" not in done.stderr

    assert command("train", f"resume={done.folder}").status == 0
    assert same(weights(done.folder), weights(whole.folder))
    assert same(weights(done.folder, "best"), weights(whole.folder, "best"))
    assert done.summary["metrics"] == whole.summary["metrics"]
    assert (done.folder / "metrics.csv").read_text() == (whole.folder / "metrics.csv").read_text()


def test_the_log_has_everything_that_lightning_and_hydra_say(train):
    done = train()
    log = (done.folder / "train.log").read_text(encoding="utf-8")
    assert "lightning" in log and "Training mlp (15210 parameters) on mnist1d" in log
    assert all(re.match(r"\d{4}-\d\d-\d\d ", line) for line in log.splitlines())


def test_runs_started_in_the_same_second_have_folders_of_their_own(train):
    folders = [train("trainer.max_steps=1", "model=linear").folder for _ in range(3)]
    assert len(set(folders)) == 3 and all(isinstance(folder, Path) for folder in folders)
