"""`find=` suggests a learning rate or a batch size, and leaves the rest alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hyperplane.data.datamodule import ArrayDataModule
from hyperplane.finding import batch_size
from hyperplane.finding.batch_size import smallest_fast
from hyperplane.finding.learning_rate import steepest
from hyperplane.tasks.task import Task
from torch.utils.data import DataLoader, Dataset

from my_research.tasks.classification import Classification


@pytest.fixture
def training_samples_only(monkeypatch):
    """Whoever asks for validation or test samples fails."""

    def refuse(self, part):
        raise AssertionError(f"{part} samples are not for a finder")

    monkeypatch.setattr(ArrayDataModule, "evaluation_batches", refuse)


@pytest.mark.usefixtures("training_samples_only")
def test_a_learning_rate_is_found_drawn_and_not_trained_with(train):
    options = ("find=lr", "data=moons", "scheduler=cosine", "figures=true")
    rates = {}
    for optimizer in ("adam", "sgd"):
        done = train(*options, f"optimizer={optimizer}")
        rates[optimizer] = done.summary["found"]["optimizer.lr"]
        assert f"Try it with optimizer.lr={rates[optimizer]}, see " in done.stderr and "WARNING" not in done.stderr
        assert (done.folder / "figures" / "tried_learning_rates.png").stat().st_size > 5000
        assert not (done.folder / "checkpoints").exists() and not (done.folder / "metrics.csv").exists()
        assert done.summary["status"] == "completed" and done.summary["metrics"] == {}
        tried = [float(rate) for rate in done.summary["tried"]]
        assert tried == sorted(tried) and tried[0] == 1e-6 and len(tried) == done.summary["steps"]
    assert 1e-4 < rates["adam"] < 1e-1 and rates["sgd"] > 5 * rates["adam"], rates


@pytest.mark.usefixtures("training_samples_only")
def test_accumulated_and_half_precise_steps_are_tried_as_they_are_trained(train):
    whole = train("find=lr", "data=moons", "data.batch_size=40").summary
    half = ("data.batch_size=20", "trainer.accumulate_grad_batches=2", "hardware.precision=bf16-mixed")
    parts = train("find=lr", "data=moons", *half, "trainer.gradient_clip_val=10").summary
    assert len(parts["tried"]) == parts["steps"]
    ratio = parts["found"]["optimizer.lr"] / whole["found"]["optimizer.lr"]
    assert 0.5 < ratio < 2, (parts["found"], whole["found"])


def test_the_loss_falls_fastest_where_its_slope_is_lowest_before_it_breaks_down():
    steps = np.arange(100)
    losses = 2 - 1 / (1 + np.exp(-(steps - 60) / 5))  # falls fastest at 60
    losses[:3] += (5, 3, 1)  # as the first batches may
    losses[85:] = [9, 1e9, *[np.nan] * 13]
    assert steepest(losses.tolist()) == 60
    assert steepest(np.linspace(1, 2, 50).tolist()) is None
    assert steepest([2.0, 1.0]) is None


@pytest.mark.usefixtures("training_samples_only")
def test_a_batch_size_is_found_among_those_that_fit(train, monkeypatch):
    original = Task.training_step

    def step(self, batch, batch_idx):
        if len(batch[0]) > 300:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return original(self, batch, batch_idx)

    options = ("find=batch_size", "data=moons", "data.batch_size=100")
    everything = train(*options, "figures=true")
    assert list(everything.summary["tried"]) == ["100", "200", "400", "720"], "up to all training samples"
    assert all(speed > 0 for speed in everything.summary["tried"].values())
    assert (everything.folder / "figures" / "tried_batch_sizes.png").stat().st_size > 5000
    monkeypatch.setattr(Task, "training_step", step)
    done = train(*options)
    assert list(done.summary["tried"]) == ["100", "200"]
    assert "data.batch_size=400 does not fit into memory" in done.stderr
    assert f"Try it with data.batch_size={done.summary['found']['data.batch_size']}" in done.stderr
    assert "data.batch_size=500, which does not fit" in train(*options, "data.batch_size=500", status=2).stderr


def test_the_smallest_batch_size_that_is_nearly_fastest_is_suggested():
    assert smallest_fast({32: 100.0, 64: 180.0, 128: 195.0, 256: 200.0, 512: 199.0}) == 64
    assert smallest_fast({32: 100.0}) == 32


def test_a_multirun_finds_for_every_job(train, tmp_path):
    train("-m", "find=lr", "data=moons", "model=linear,mlp", "sweep=rates")
    found = [json.loads(path.read_text())["found"] for path in tmp_path.glob("runs/sweeps/rates/*/summary.json")]
    assert len(found) == 2 and all(0 < rates["optimizer.lr"] <= 10 for rates in found)


class Doubles(Dataset):
    def __len__(self):
        return 96

    def __getitem__(self, index):
        return {"inputs": torch.full((2,), float(index)), "targets": index % 2}


@pytest.fixture
def unsaid_size(monkeypatch):
    """Data that do not state how many samples are trained on."""
    monkeypatch.setattr(batch_size, "spec_of", lambda data: replace(data.spec, train_size=0))


def step(self, batch):
    outputs = self.network(batch["inputs"])
    return self.loss(outputs, batch["targets"]), outputs, batch["targets"]


@pytest.mark.usefixtures("unsaid_size")
def test_a_batch_size_of_a_dataloader_of_dictionaries_is_found(train, monkeypatch):
    monkeypatch.setattr(ArrayDataModule, "train_dataloader", lambda data: DataLoader(Doubles(), data.batch_size))
    monkeypatch.setattr(Task, "step", step)
    tried = train("find=batch_size", "data=moons", "data.batch_size=32").summary["tried"]
    assert list(tried) == ["32", "64", "96"] and min(tried.values()) > 0


@pytest.mark.usefixtures("unsaid_size")
def test_a_batch_size_cannot_be_found_where_data_say_nothing_of_it(train, monkeypatch):
    monkeypatch.setattr(ArrayDataModule, "train_dataloader", lambda data: iter(()))
    done = train("find=batch_size", "data=moons", status=2)
    assert "find=batch_size is not for Moons: it has no number of training samples" in done.stderr


@pytest.mark.parametrize("what", ["lr", "batch_size"])
def test_a_task_that_steps_by_hand_is_refused(train, monkeypatch, what):
    manual = property(lambda _: False, lambda *_: None)
    by_hand = type("ByHand", (Classification,), {"automatic_optimization": manual})
    monkeypatch.setattr("my_research.tasks.classification.Classification", by_hand)
    done = train(f"find={what}", "data=moons", status=2)
    assert f"find={what} follows the loss of each step, and ByHand steps its optimizers itself" in done.stderr
