"""A data module of a user's own: its loaders go on in the middle of an epoch, and `evaluate` takes the same batches."""

import json
import sys
from importlib import import_module

import pytest
from hyperplane.commands.evaluate import evaluate_run

import test_resume as resuming
from my_research import data as package

TARGET = "my_research.data.day_and_night.DayAndNight"
DATA = '''
import torch
from lightning.pytorch import LightningDataModule

from hyperplane.data.spec import DataSpec


class Loader:
    """Batches of a class of its own, which says itself how far it is."""

    def __init__(self, seed, batches):
        generator = torch.Generator().manual_seed(seed)
        points = torch.randn(batches, 10, 2, generator=generator)
        self.batches = [(one, (one[:, 0] > 0).long()) for one in points]
        self.at = self.skipped = 0

    def __len__(self):
        return len(self.batches)

    def __iter__(self):
        self.at, self.skipped = self.skipped, 0
        return self.rest()

    def rest(self):
        while self.at < len(self.batches):
            self.at += 1
            yield self.batches[self.at - 1]

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.skipped = state["at"]


class DayAndNight(LightningDataModule):
    spec = DataSpec(task="classification", input_shape=(2,), output_size=2)

    def train_dataloader(self):
        return Loader(0, 8)

    def val_dataloader(self):
        return {"day": Loader(1, 2), "night": Loader(2, 2)}

    def test_dataloader(self):
        return Loader(3, 4)
'''
SETTINGS = ("model=mlp", "~data", f"+data._target_={TARGET}", "checkpoint.monitor=val/day/loss")


@pytest.fixture
def data(write, tmp_path, monkeypatch):
    write("data/day_and_night.py", DATA)
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path / "added" / "data")])
    yield
    sys.modules.pop(TARGET.rpartition(".")[0])


def test_a_loader_that_says_how_far_it_is_goes_on_there(data, train, command, monkeypatch):
    settings = (*SETTINGS, "trainer.max_epochs=3", "checkpoint.every_n_steps=3")
    resuming.assert_goes_on(train, command, monkeypatch, settings, 12)


def test_a_curriculum_follows_the_epoch_and_goes_on_in_one(data, train, command, monkeypatch):
    day_and_night = import_module(TARGET.rpartition(".")[0])
    module = day_and_night.DayAndNight
    monkeypatch.setattr(
        module, "train_dataloader", lambda self: day_and_night.Loader(0, 2 + 2 * self.trainer.current_epoch)
    )
    settings = (*SETTINGS, "trainer.reload_dataloaders_every_n_epochs=1", "trainer.max_epochs=3")
    whole, _ = resuming.assert_goes_on(train, command, monkeypatch, settings, 5)
    assert json.loads((whole / "summary.json").read_text())["steps"] == 2 + 4 + 6


def test_evaluation_takes_the_batches_and_the_names_of_the_run(data, train):
    done = train(*SETTINGS, "trainer.limit_test_batches=3", "trainer.limit_val_batches=1")
    recorded = done.summary["metrics"]
    for part, count in (("test", 2), ("val", 4)):
        found = evaluate_run(done.folder, part=part)
        assert len(found) == count and found == {name: recorded[name] for name in found}
