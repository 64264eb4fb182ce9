"""Callbacks come from the configuration, several at once, and do what they say."""

import csv
from pathlib import Path

import pytest
import torch
from hyperplane.checkpoints.run_state import RunState
from hyperplane.commands.evaluate import evaluate_run
from hyperplane.configs import choices
from hyperplane.errors import UserError

import test_resume as resuming
from my_research import callbacks
from my_research.tasks.classification import Classification
from my_research.tasks.forecasting import Forecasting

FILES = choices("callbacks")
STEPS = 8  # of an epoch of data=moons


def weights(folder: Path, name: str = "best"):
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]


@pytest.mark.parametrize("name", FILES)
def test_every_file_trains(train, name):
    assert train("data=moons", f"callbacks=[{name}]").summary["status"] == "completed"


def test_several_at_once_with_their_settings(train):
    settings = ("callbacks.ema.decay=0.9", "callbacks.lr_monitor.logging_interval=step")
    done = train("data=moons", "callbacks=[lr_monitor,ema]", *settings, "trainer.log_every_n_steps=1")
    assert "lr-Adam" in (done.folder / "metrics.csv").read_text().splitlines()[0]


def test_gradients_are_accumulated_from_the_epoch_on_that_the_callback_names(train):
    settings = ("callbacks=[gradient_accumulation]", "+callbacks.gradient_accumulation.scheduling.2=4")
    done = train("data=moons", "trainer.max_epochs=4", *settings)
    assert done.summary["steps"] == 2 * STEPS + 2 * STEPS // 4


@pytest.mark.parametrize("callback", ["ema", "swa"])
def test_averaged_weights_are_those_that_are_kept_and_tested(train, callback):
    settings = {"ema": "callbacks.ema.decay=0.9", "swa": "callbacks.swa.from_epoch=2"}[callback]
    done = train("data=moons", "trainer.max_epochs=4", "optimizer.lr=0.03", f"callbacks=[{callback}]", settings)
    for part in ("val", "test"):
        found = evaluate_run(done.folder, part=part)
        for name, value in found.items():
            assert value == pytest.approx(done.summary["metrics"][name], rel=1e-6), name
    without = train("data=moons", "trainer.max_epochs=4", "optimizer.lr=0.03").folder
    averaged, plain = weights(done.folder, "last"), weights(without, "last")
    assert not any(torch.equal(averaged[name], plain[name]) for name in averaged if name.endswith("weight"))


def test_they_find_the_metrics_of_the_epoch_that_ends(train, monkeypatch):
    found = []

    def look(self, trainer, task):
        found.append({name: float(value) for name, value in trainer.callback_metrics.items()})

    for hook in ("on_validation_epoch_end", "on_train_epoch_end", "on_test_epoch_end"):
        monkeypatch.setattr(RunState, hook, look, raising=False)
    folder = train("data=moons", "trainer.max_epochs=2").folder
    with (folder / "metrics.csv").open(newline="") as file:
        first, second, tested = csv.DictReader(file)
    for row, number, names in ((first, 0, "val"), (first, 1, "train"), (second, 3, "train"), (tested, 4, "test")):
        assert found[number][f"{names}/loss"] == float(row[f"{names}/loss"]), number


def test_hooks_of_a_task_need_no_super(train, monkeypatch):
    hooks = ("on_train_epoch_end", "on_validation_epoch_end", "on_test_epoch_end")
    rows = [(train("data=moons").folder / "metrics.csv").read_text()]
    own = type("Own", (Classification,), dict.fromkeys(hooks, lambda self: None))
    monkeypatch.setattr("my_research.tasks.classification.Classification", own)
    rows.append((train("data=moons").folder / "metrics.csv").read_text())
    assert rows[0] == rows[1] and rows[0].count("\n") == 3


def test_hooks_before_a_stage_need_no_super(train, monkeypatch):
    settings = ("data=wine", "model=kernel_svm")
    whole = train(*settings).summary["metrics"]
    assert {"val/loss", "test/naive_loss"} < whole.keys() and whole["test/accuracy"] > 0.9
    hooks = ("on_fit_start", "on_validation_start", "on_validation_epoch_start", "on_test_start")
    own = type("Own", (Classification,), dict.fromkeys(hooks, lambda self: None))
    monkeypatch.setattr("my_research.tasks.classification.Classification", own)
    assert train(*settings).summary["metrics"] == whole


def test_a_forecast_has_its_band_and_its_naive_errors_without_super(train, monkeypatch):
    settings = ("data=demand", "model=dlinear", "trainer.max_steps=2")
    whole = train(*settings).summary["metrics"]
    own = type("Own", (Forecasting,), dict.fromkeys(("on_test_start", "on_test_epoch_end"), lambda self: None))
    monkeypatch.setattr("my_research.tasks.forecasting.Forecasting", own)
    assert train(*settings).summary["metrics"] == whole
    assert {"test/coverage", "test/mase", "test/naive_mae"} < whole.keys()


def test_they_and_what_begins_an_epoch_go_on_with_a_run(train, command, monkeypatch):
    step, loggers = Classification.step, []

    def begin(self):
        loggers.append(type(self.logger).__name__)
        self.trainer.optimizers[0].param_groups[0]["lr"] *= 0.9
        self.log("train/drawn", torch.rand(()))
        self.scale = 1 + 0.1 * self.current_epoch
        with torch.no_grad():
            next(self.parameters()).mul_(0.9)
        if self.current_epoch == 1:
            self.network.hidden[1].requires_grad_(False)
            self.network.dropout.eval()

    def scaled(self, batch):
        loss, *others = step(self, batch)
        return loss * self.scale, *others

    monkeypatch.setattr(Classification, "on_train_epoch_start", begin)
    monkeypatch.setattr(Classification, "step", scaled)
    settings = ("data=moons", "model.dropout=0.2", "trainer.max_epochs=4")
    chosen = ("callbacks=[ema,gradient_accumulation,lr_monitor]", "callbacks.ema.decay=0.9")
    later = "+callbacks.gradient_accumulation.scheduling.2=4"
    folder, _ = resuming.assert_goes_on(train, command, monkeypatch, (*settings, *chosen, later), 2 * STEPS + 3)
    assert "train/drawn" in (folder / "metrics.csv").read_text()
    assert loggers.count("DummyLogger") == 1  # no tracker is told twice


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["callbacks=[emma]"], ["emma", "Did you mean ema?"]),
        (["callbacks.ema.decay=1"], ["callbacks.ema.decay=1 is not a setting", "callbacks=configuration or "]),
        (["callbacks=[swa]", "callbacks.ema.decay=1"], ["ema is not chosen: 'callbacks=[swa,ema]'"]),
        (["callbacks=[ema]", "callbacks.ema.decy=1"], ["callbacks.ema.decy=1 is not a", "mean callbacks.ema.decay?"]),
        (["+callbacks.x._target_=os.system"], ["callbacks.x", "os.system is not allowed"]),
        (["+callbacks.x._target_=torch.nn.ReLU"], ["callbacks.x", "must be a Lightning callback"]),
    ],
)
def test_errors_name_the_callback(train, overrides, words):
    done = train(*overrides, status=2)
    assert all(word in done.stderr for word in words), done.stderr


KEEPS = "lightning.pytorch.callbacks.ModelCheckpoint"
STOPS = "lightning.pytorch.callbacks.EarlyStopping"


DRAWS = """
from lightning.pytorch import Callback


class Draws(Callback):
    def __init__(self, monitor: str, mode: str = "line") -> None:
        assert mode in ("line", "bars")
"""


@pytest.mark.parametrize(
    ("target", "settings"),
    [
        (KEEPS, "monitor=epoch"),
        (KEEPS, "monitor=step"),
        (KEEPS, "monitor=val/own"),  # logged in a hook, least is best: Lightning's default
        (STOPS, "monitor=lr-Adam strict=false"),
        (STOPS, "monitor=val/loss/dataloader_idx_0 strict=false"),  # one of several loaders
        ("my_research.callbacks.draws.Draws", "monitor=val/loss"),  # its mode says no direction
        ("my_research.callbacks.draws.Draws", "monitor=val/loss mode=bars"),
    ],
)
def test_what_a_callback_watches_without_a_mode_is_its_own_affair(
    train, write, monkeypatch, tmp_path, target, settings
):
    write("callbacks/draws.py", DRAWS)
    monkeypatch.setattr(callbacks, "__path__", [*callbacks.__path__, str(tmp_path / "added" / "callbacks")])
    own = type("Own", (Classification,), {"on_validation_epoch_end": lambda self: self.log("val/own", 1.0)})
    monkeypatch.setattr("my_research.tasks.classification.Classification", own)
    words = [f"+callbacks.one.{word}" for word in (f"_target_={target}", *settings.split())]
    assert train("data=wine", *words).summary["status"] == "completed"


@pytest.mark.parametrize("more", ["checkpoint.mode=max", "checkpoint.mode=max trainer.limit_val_batches=0"])
def test_a_misspelt_metric_is_refused_before_training_unless_a_hook_may_log_it(train, monkeypatch, more):
    words = ("data=wine", "checkpoint.monitor=val/acuracy", *more.split())
    done = train(*words, status=2)
    assert "val/acuracy is not measured here" in done.stderr and "mean accuracy?" in done.stderr
    assert "Training" not in done.stderr and not done.folders
    hooks = {"on_validation_epoch_end": lambda self: self.log("val/acuracy", 1.0)}
    monkeypatch.setattr("my_research.tasks.classification.Classification", type("Own", (Classification,), hooks))
    assert train(*words).summary["status"] == "completed"


@pytest.mark.parametrize(("metric", "mode"), [("val/accuracy", "max"), ("val/loss", "min")])
def test_a_callback_that_watches_a_metric_goes_in_its_direction(train, metric, mode):
    watch = ("+callbacks.stop._target_=lightning.pytorch.callbacks.EarlyStopping", f"+callbacks.stop.monitor={metric}")
    last = torch.load(train("data=moons", *watch).folder / "checkpoints" / "last.ckpt", weights_only=True)
    (key,) = [key for key in last["callbacks"] if key.startswith("EarlyStopping")]
    assert f"'monitor': '{metric}', 'mode': '{mode}'" in key


PRUNES = "{_target_: lightning.pytorch.callbacks.ModelPruning, pruning_fn: l1_unstructured, amount: 0.5}"


def test_a_pruned_model_keeps_its_zeros_and_no_masks(train, monkeypatch):
    settings = ("data=moons", "trainer.max_epochs=2", "checkpoint.test=last")
    folder = train(*settings, f"+callbacks={{p: {PRUNES}}}").folder
    for name in ("best", "last"):
        assert not [key for key in weights(folder, name) if key.endswith(("_orig", "_mask"))]
    pruned = weights(folder, "last")["network.output.weight"]
    assert (pruned == 0).float().mean() == pytest.approx(0.75, abs=0.2)
    evaluate_run(folder)
    train(f"resume={folder}", "trainer.max_epochs=3")
    assert "last.ckpt holds no masks" in (folder / "train.log").read_text()
    monkeypatch.setattr("hyperplane.checkpoints.trained.make_task", lambda *known: torch.nn.Linear(1, 1))
    with pytest.raises(UserError, match=r"does not fit my_research.models.mlp.MLP .* Missing key(.|\n)*a callback or"):
        evaluate_run(folder)
