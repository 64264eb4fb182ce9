"""The short way through a training step and a validation ends where Lightning's own way ends."""

import csv
import sys

import pytest
import torch
from hyperplane.checkpoints.run_state import RunState
from hyperplane.data import datamodule
from hyperplane.loop import lean_loop, lean_validation
from hyperplane.loop.progress import Bar
from lightning.pytorch import Callback
from lightning.pytorch.loops.fetchers import _PrefetchDataFetcher
from lightning.pytorch.utilities.combined_loader import CombinedLoader
from torch.utils.data import DataLoader

from my_research import train
from my_research.losses.classification import CrossEntropy
from my_research.tasks.classification import Classification


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

    assert taken == [True] * 5 + [False] * 5, "asked once in each epoch: a callback may change how steps are made"
    lean, lightning = (next((tmp_path / name).glob("runs/*/*")) for name in ("True", "False"))
    ours, theirs = (torch.load(run / "checkpoints/last.ckpt", weights_only=True) for run in (lean, lightning))
    assert ours["global_step"] == theirs["global_step"] > 30
    for name, weights in theirs["state_dict"].items():
        assert torch.equal(ours["state_dict"][name], weights), name
    assert str(ours["optimizer_states"]) == str(theirs["optimizer_states"])
    assert str(ours["loops"]) == str(theirs["loops"]), "the counters that a resumed run starts from"
    assert (lean / "metrics.csv").read_text() == (lightning / "metrics.csv").read_text()


def test_a_progress_bar_is_told_of_all_batches_on_the_short_way(monkeypatch, train):
    told = []
    for hook in ("on_train_batch_end", "on_validation_batch_end"):
        original = getattr(Bar, hook)

        def noted(self, *arguments, hook=hook, original=original):
            told.append((hook, arguments[-1], len(arguments[-2][1])))
            original(self, *arguments)

        monkeypatch.setattr(Bar, hook, noted)
    decide = lean_loop.is_plain
    counts = []
    monkeypatch.setattr(lean_validation._EvaluationLoop, "on_run_start", note_run(counts))
    for plain in (True, False):
        monkeypatch.setattr(lean_loop, "is_plain", lambda trainer, plain=plain: plain and decide(trainer))
        train("data=moons", "trainer.max_epochs=3", "trainer.enable_progress_bar=true")
        counts.append("end")
    half = len(told) // 2
    assert half == 3 * (8 + 1) and told[:half] == told[half:], "as in Lightning's own loop"
    assert counts == ["test", "end", "validate", "validate", "validate", "test", "end"]


def test_data_may_change_batches_on_their_way_to_the_device(monkeypatch, train):
    seen = []
    hook = "on_after_batch_transfer"
    monkeypatch.setattr(datamodule.ArrayDataModule, hook, lambda self, batch, _: seen.append(len(batch[0])) or batch)
    train("data=moons", "trainer.max_epochs=1")
    assert len(seen) == 8 + 1 + 1, "steps, and a batch each of validation and test"


def note_run(runs):
    original = lean_validation._EvaluationLoop.on_run_start

    def on_run_start(self):
        runs.append("test" if self.trainer.testing else "validate")
        original(self)

    return on_run_start


def test_other_callbacks_may_log_at_each_batch(monkeypatch, train):
    class Logs(Callback):
        def on_train_batch_end(self, trainer, task, outputs, batch, batch_idx):
            task.log("train/own", 7.0, on_step=False, on_epoch=True)

        def on_validation_batch_end(self, trainer, task, outputs, batch, batch_idx, dataloader_idx=0):
            task.log("val/own", 5.0)

    made = lean_loop.LeanEpochLoop.__init__

    def with_callback(self, trainer, *arguments):
        trainer.callbacks.append(Logs())
        made(self, trainer, *arguments)

    monkeypatch.setattr(lean_loop.LeanEpochLoop, "__init__", with_callback)
    assert own_metrics(train("data=moons", "trainer.max_epochs=2")) == ({"7.0"}, {"5.0"})


@pytest.mark.parametrize("hook", ["on_validation_start", "on_validation_epoch_start", "on_validation_epoch_end"])
def test_a_callback_logs_in_any_hook_of_the_validation(monkeypatch, train, hook):
    logs = type("Logs", (Callback,), {hook: lambda self, trainer, task: self.log("val/own", 5.0)})
    made = lean_loop.LeanEpochLoop.__init__

    def with_callback(self, trainer, *arguments):
        trainer.callbacks.append(logs())
        made(self, trainer, *arguments)

    monkeypatch.setattr(lean_loop.LeanEpochLoop, "__init__", with_callback)
    assert own_metrics(train("data=moons", "trainer.max_epochs=2")) == (set(), {"5.0"})


def own_metrics(done):
    """What metrics.csv holds of train/own and val/own."""
    with (done.folder / "metrics.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    return tuple({row.get(f"{stage}/own", "") for row in table} - {""} for stage in ("train", "val"))


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

    monkeypatch.setattr("my_research.tasks.classification.Classification", Own)
    assert own_metrics(train("data=moons", "trainer.max_epochs=2")) == ({"7.0"}, {"5.0"})


def test_a_validation_is_in_evaluation_mode_as_a_whole(monkeypatch, train):
    modes = set()
    forward = CrossEntropy.forward

    def noted(self, outputs, targets):
        modes.add((self.training, torch.is_grad_enabled()))
        return forward(self, outputs, targets)

    monkeypatch.setattr(CrossEntropy, "forward", noted)
    train("data=moons", "trainer.max_epochs=3")
    assert modes == {(True, True), (False, False)}


def test_a_callback_that_listens_before_the_optimizers_step_is_heard(monkeypatch, train):
    heard = []
    monkeypatch.setattr(RunState, "on_before_optimizer_step", lambda *_: heard.append(1), raising=False)
    steps = train("data=moons", "trainer.max_epochs=1").summary["steps"]
    assert len(heard) == steps > 0


class Halving(torch.optim.SGD):
    """Keeps half of a gradient for the next step."""

    def zero_grad(self, set_to_none=True):
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad *= 0.5


@pytest.mark.parametrize(("kind", "left"), [(torch.optim.SGD, None), (Halving, 2.0)])
def test_gradients_are_cleared_as_the_optimizer_does_it(kind, left):
    parameters = [torch.zeros(3, requires_grad=True), torch.zeros(2, requires_grad=True)]
    for parameter in parameters:
        parameter.grad = torch.full_like(parameter, 4.0)
    lean_loop.zero_grad(kind([{"params": [parameter]} for parameter in parameters], lr=0.1))
    assert [None if p.grad is None else p.grad.unique().item() for p in parameters] == [left, left]


class Merges(torch.nn.Linear):
    """Does more than to change its mode."""

    def train(self, mode=True):
        self.merged = not mode
        return super().train(mode)


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_modules_of_any_kind_evaluate_and_then_go_back_to_the_mode_that_each_was_in():
    scripted = torch.jit.script(torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Linear(4, 4)))
    for other in (torch.nn.Linear(4, 4), scripted, torch.compile(torch.nn.Dropout()), Merges(4, 4)):
        task = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.BatchNorm1d(4).eval(), other)
        before = [module.training for module in task.modules()]
        modes = lean_validation.start_evaluating(task)
        assert not any(module.training for module in task.modules()) and getattr(other, "merged", True)
        lean_validation.set_modes(modes)
        assert [module.training for module in task.modules()] == before
        x = torch.ones(3, 4)
        assert other is not scripted or (scripted(x) != scripted(x)).any(), "dropout drops again"


@pytest.mark.filterwarnings("ignore:.*LeafSpec")
def test_only_batches_that_stay_as_they_are_come_straight_from_their_loader():
    loader = DataLoader(range(5), batch_size=2)
    for loaders, is_straight in ((loader, True), ({"a": loader}, False), ([loader], False), ([loader, loader], False)):
        fetcher = _PrefetchDataFetcher()
        fetcher.setup(CombinedLoader(loaders, "max_size_cycle"))
        iter(fetcher)
        straight = lean_loop.batches_alone(fetcher)
        assert (straight is not None) == is_straight, loaders
        assert not is_straight or [batch.tolist() for batch in straight] == [[0, 1], [2, 3], [4]]
