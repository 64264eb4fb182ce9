"""The short way through a training step and a validation ends where Lightning's own way ends."""

import sys

import pytest
import torch
from lightning.pytorch import Callback

from {{ cookiecutter.package_name }} import losses, tasks, train
from {{ cookiecutter.package_name }}.data import datamodule
from {{ cookiecutter.package_name }}.running import lean_loop, lean_validation
from {{ cookiecutter.package_name }}.running.run_state import RunState
from {{ cookiecutter.package_name }}.tasks.classification import Classification


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["optimizer=momentum", "scheduler=cosine", "trainer.max_steps=33"],
        ["model.dropout=0.5", "trainer.limit_val_batches=2"],
        ["scheduler=plateau", "scheduler.patience=0", "optimizer.lr=0.1", "early_stopping.patience=2"],
        ["hardware.precision=bf16-mixed", "trainer.gradient_clip_val=0.5"],
        ["trainer.gradient_clip_val=0.01", "trainer.gradient_clip_algorithm=value", "optimizer=momentum"],
        ["trainer.val_check_interval=3"],
        ["trainer.check_val_every_n_epoch=2"],
    ],
)
def test_both_loops_train_the_same_weights(tmp_path, monkeypatch, overrides):
    taken = []

    def note(plain):
        taken.append(plain)
        return plain

    monkeypatch.setattr(datamodule, "EVALUATION_BATCH", 16)  # so that there are several to validate on
    decide = lean_loop.is_plain
    for plain in (True, False):
        folder = tmp_path / str(plain)
        folder.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setattr(lean_loop, "is_plain", lambda trainer, plain=plain: note(plain and decide(trainer)))
        command = ["train", "data=moons", "hardware=cpu", "tracking=none", "figures=false", "trainer.max_epochs=5"]
        monkeypatch.setattr(sys, "argv", [*command, *overrides])
        train.main()

    assert taken == [True, True, False, False], "asked once by the training, once by the validation"
    lean, lightning = (next((tmp_path / name).glob("runs/*/*")) for name in ("True", "False"))
    ours, theirs = (torch.load(run / "checkpoints/last.ckpt", weights_only=True) for run in (lean, lightning))
    assert ours["global_step"] == theirs["global_step"] > 30
    for name, weights in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][name], weights), name
    assert str(ours["optimizer_states"]) == str(theirs["optimizer_states"])
    assert str(ours["loops"]) == str(theirs["loops"]), "the counters that a resumed run starts from"
    assert (lean / "metrics.csv").read_text() == (lightning / "metrics.csv").read_text()


def test_a_callback_that_listens_to_the_batches_of_a_validation_is_told(monkeypatch, train):
    told = []

    class Listener(Callback):
        def on_validation_batch_start(self, trainer, task, batch, batch_idx, dataloader_idx=0):
            told.append(("start", batch_idx, len(batch[1])))

        def on_validation_batch_end(self, trainer, task, outputs, batch, batch_idx, dataloader_idx=0):
            told.append(("end", batch_idx, len(batch[1])))

    made = lean_validation.LeanValidation.__init__

    def with_listener(self, trainer, is_plain):
        trainer.callbacks.append(Listener())
        made(self, trainer, is_plain)

    monkeypatch.setattr(lean_validation.LeanValidation, "__init__", with_listener)
    for plain in (True, False):
        monkeypatch.setattr(lean_loop, "is_plain", lambda trainer, plain=plain: plain)
        train("data=moons", "trainer.max_epochs=3")
    half = len(told) // 2
    assert half >= 6 and told[:half] == told[half:], "as in Lightning's own loop"


@pytest.mark.parametrize("form", ["tensor", "dictionary", "nothing"])
def test_a_step_of_ones_own_logs_and_returns_what_lightning_allows(monkeypatch, train, form):
    class Own(Classification):
        def training_step(self, batch, batch_idx):
            loss = super().training_step(batch, batch_idx)
            self.log("train/own", 7.0, on_step=False, on_epoch=True)
            return {"tensor": loss, "dictionary": {"loss": loss}, "nothing": None if batch_idx == 1 else loss}[form]

        def validation_step(self, batch, batch_idx):
            super().validation_step(batch, batch_idx)
            self.log("val/own", 5.0)

    monkeypatch.setitem(tasks.TASKS, "classification", Own)
    done = train("data=moons", "trainer.max_epochs=2")
    rows = (done.folder / "metrics.csv").read_text().splitlines()
    table = [dict(zip(rows[0].split(","), row.split(","), strict=True)) for row in rows[1:]]
    assert {row["train/own"] for row in table} - {""} == {"7.0"} and {row["val/own"] for row in table} - {""} == {"5.0"}


def test_a_validation_is_in_evaluation_mode_as_a_whole(monkeypatch, train):
    modes = set()
    forward = losses.CrossEntropy.forward

    def noted(self, outputs, targets):
        modes.add((self.training, torch.is_grad_enabled()))
        return forward(self, outputs, targets)

    monkeypatch.setattr(losses.CrossEntropy, "forward", noted)
    train("data=moons", "trainer.max_epochs=3")
    assert modes == {(True, True), (False, False)}


def test_a_callback_that_listens_before_the_optimizers_step_is_heard(monkeypatch, train):
    heard = []
    monkeypatch.setattr(RunState, "on_before_optimizer_step", lambda *_: heard.append(1), raising=False)
    steps = train("data=moons", "trainer.max_epochs=1").summary["steps"]
    assert len(heard) == steps > 0
