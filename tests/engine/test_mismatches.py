"""Settings that only turn out not to go together when the data are known: refused in a sentence."""

import json
import logging

import pytest
from hyperplane.logs import LoguruHandler, log_to_file, was_said

from my_research.tasks.classification import Classification


def test_a_step_of_more_batches_than_an_epoch_has_is_refused(train):
    few = ("data=moons", "data.batch_size=200", "trainer.limit_train_batches=3")
    done = train(*few, "trainer.accumulate_grad_batches=4", status=2)
    assert "trainer.accumulate_grad_batches=4" in done.stderr and "an epoch has 3" in done.stderr
    assert "0.75 times as large" in done.stderr
    assert train(*few, "trainer.accumulate_grad_batches=3").summary["steps"] == 1
    assert train(*few, "trainer.accumulate_grad_batches=4", "trainer.fast_dev_run=true").status == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("trainer.val_check_interval=50", "trainer.val_check_interval=50 is more than the batches of an epoch"),
        ("trainer.overfit_batches=0.01", "`overfit_batches=0.33"),
        ("trainer.limit_val_batches=0 early_stopping.patience=1", "early_stopping.patience needs validation data"),
        ("scheduler=plateau scheduler.monitor=val/f1", "scheduler.monitor=val/f1 is not measured here"),
    ],
)
def test_a_setting_that_the_data_do_not_allow_is_refused(train, given, said):
    done = train("data=wine", "model=mlp", *given.split(), status=2)
    assert said in done.stderr and not done.folders


def test_what_the_training_refuses_leaves_no_folder(train):
    keeps = "+callbacks.keeps._target_=lightning.pytorch.callbacks.ModelCheckpoint"
    done = train("data=wine", keeps, "+callbacks.keeps.monitor=val/los", status=2)
    assert "val/los" in done.stderr and "is kept" not in done.stderr and not done.folders


def test_what_only_the_test_refuses_loses_no_training(train, command):
    done = train("data=wine", "trainer.limit_test_batches=0.01", status=2)
    assert "What was trained is kept" in done.stderr and done.summary["status"] == "failed"
    assert command("train", f"resume={done.folder}", "trainer.limit_test_batches=1.0").status == 0
    summary = json.loads((done.folder / "summary.json").read_text())
    assert summary["status"] == "completed" and "test/loss" in summary["metrics"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("trainer.fast_dev_run=true", "trainer.fast_dev_run tries out a few batches"),
        ("trainer.limit_train_batches=0 scheduler=onecycle", "No batch was trained on"),
        ("trainer.check_val_every_n_epoch=5", "There was no validation before the training ended"),
    ],
)
def test_a_run_that_has_no_result_says_so_and_gives_no_other_advice(train, given, said):
    (warning,) = train("data=wine", "model=mlp", *given.split(), "figures=true").summary["warnings"]
    assert warning.startswith(said)


@pytest.mark.parametrize(
    ("task", "data", "said"),
    [
        ("classification.Classification", "salary", "for classification, but these data are for regression"),
        ("regression.Regression", "moons", "for regression, but these data are for classification"),
        ("multilabel.MultiLabel", "salary", "for multilabel, but these data are for regression"),
    ],
)
def test_a_task_for_other_data_is_refused(train, task, data, said):
    done = train(f"task._target_=my_research.tasks.{task}", f"data={data}", status=2)
    assert said in done.stderr and "task=auto chooses what fits" in done.stderr and not done.folders


def test_what_matplotlib_says_of_its_cache_stays_in_the_log(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("hyperplane.logs._terminal", None)
    handler, speaker = LoguruHandler(), logging.getLogger("matplotlib")
    speaker.addHandler(handler)
    try:
        with log_to_file(tmp_path / "train.log"):
            speaker.warning("Matplotlib created a temporary cache directory")
            speaker.error("something worse")
    finally:
        speaker.removeHandler(handler)
    said = capsys.readouterr().err
    assert "temporary cache" not in said and "something worse" in said
    assert "temporary cache" in (tmp_path / "train.log").read_text()


def test_a_warning_of_a_library_is_said_once_in_each_run(tmp_path):
    for name in ("first.log", "second.log"):
        with log_to_file(tmp_path / name):
            for message in ("no positives", "no positives", "no negatives"):
                record = {"name": "py.warnings", "levelno": logging.WARNING, "levelname": "WARNING", "msg": message}
                LoguruHandler().emit(logging.makeLogRecord(record))
        said = [line.rpartition("no ")[2] for line in (tmp_path / name).read_text().splitlines()]
        assert said == ["positives", "negatives"]


def test_a_warning_before_the_log_of_a_job_is_open_is_said(tmp_path, monkeypatch):
    with log_to_file(tmp_path / "other.log"):
        monkeypatch.setattr("hyperplane.logs.current", object)  # another job, without a log
        assert not was_said("no positives")


def test_what_lightning_cannot_do_with_a_task_is_said_without_a_traceback(train, monkeypatch):
    manual = property(lambda _: False, lambda *_: None)
    by_hand = type("ByHand", (Classification,), {"automatic_optimization": manual})
    monkeypatch.setattr("my_research.tasks.classification.Classification", by_hand)
    done = train("data=moons", "trainer.gradient_clip_val=1", status=2)
    assert "gradient clipping is not supported for manual optimization" in done.stderr
    assert "Traceback" not in done.stderr and not done.folders
