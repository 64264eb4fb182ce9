"""A story with a stage before the training that is tested: it resumes as a whole, to the same bits."""

import csv
import json

import pytest
import torch
from hyperplane.run_folder.integrity import is_unchanged

from my_research import train as story
from test_resume import SAME, assert_equal, checkpoint, same, stop_at

STAGED = ("data=moons", "model.dropout=0.2", "trainer.max_epochs=3")
EPOCHS = 2  # of the stage


def pretrain_and_fit(run):
    data = run.make_data()
    stage = run.stage("pretraining", trainer={"max_epochs": EPOCHS}, optimizer={"lr": 0.01})
    first = stage.make_task(data)
    trainer = stage.make_trainer(first, data)
    stage.fit(trainer, first, data)
    task = run.make_task(data)
    task.network.load_state_dict(first.network.state_dict())
    trainer = run.make_trainer(task, data)
    run.fit(trainer, task, data)
    run.test(trainer, task, data)
    run.draw(task, data)


@pytest.fixture
def staged(train, monkeypatch):
    """`staged()` trains with a stage before."""
    monkeypatch.setattr(story, "fit_and_test", pretrain_and_fit)
    return lambda *words, **options: train(*STAGED, *words, **options)


def steps_of_the_stage(folder):
    return json.loads((folder / "summary.json").read_text())["stages"]["pretraining"]["steps"]


def test_a_stage_has_a_folder_of_its_own_and_its_results_stand_in_the_summary(staged):
    done = staged()
    stage = done.summary["stages"]["pretraining"]
    with (done.folder / "pretraining" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert stage["epochs"] == EPOCHS == len(rows) and done.summary["epochs"] == 3
    assert stage["metrics"]["train/loss"] == pytest.approx(float(rows[-1]["train/loss"]))
    trained = torch.load(done.folder / "pretraining" / "checkpoints" / "last.ckpt", weights_only=True)
    assert trained["optimizer_states"][0]["param_groups"][0]["lr"] == 0.01
    assert checkpoint(done.folder)["optimizer_states"][0]["param_groups"][0]["lr"] == 0.001


def test_the_training_begins_with_what_the_stage_has_learned(train, monkeypatch):
    alone = train(*STAGED).summary["metrics"]["test/loss"]
    monkeypatch.setattr(story, "fit_and_test", pretrain_and_fit)
    assert train(*STAGED).summary["metrics"]["test/loss"] < alone


@pytest.mark.parametrize("after", ["a step of the stage", "its last step", "a step of the training"])
def test_it_goes_on_where_it_was_stopped(staged, command, monkeypatch, after):
    whole = staged().folder
    steps = steps_of_the_stage(whole)
    with monkeypatch.context() as patch:
        stop_at(patch, {"a step of the stage": 5, "its last step": steps, "a step of the training": steps + 5}[after])
        folder = staged(status=143).folder
    done = command("train", f"resume={folder}")
    assert done.status == 0, done.stderr
    assert_equal(whole, folder)
    stages = [folder / "pretraining" for folder in (whole, folder)]
    assert all(same(checkpoint(stages[0])[key], checkpoint(stages[1])[key]) for key in SAME)
    assert (stages[0] / "metrics.csv").read_text() == (stages[1] / "metrics.csv").read_text()


def test_it_goes_on_after_several_stops_within_the_stage(staged, command, monkeypatch):
    whole = staged().folder
    with monkeypatch.context() as patch:
        stop_at(patch, 3)
        folder = staged(status=143).folder
    for _ in range(2):
        with monkeypatch.context() as patch:
            stop_at(patch, 4)
            assert command("train", f"resume={folder}").status == 143
    done = command("train", f"resume={folder}")
    assert done.status == 0, done.stderr
    assert_equal(whole, folder)


def test_a_stage_may_have_another_component_with_its_own_settings_only(train, monkeypatch):
    used = []

    def story_with_sgd(run):
        stage = run.stage("pretraining", optimizer={"_target_": "torch.optim.SGD", "lr": 0.1})
        data = run.make_data()
        task = stage.make_task(data)
        used.append(stage.make_trainer(task, data) and stage.settings.optimizer.arguments())
        raise KeyboardInterrupt

    monkeypatch.setattr(story, "fit_and_test", story_with_sgd)
    train(*STAGED, status=130)
    assert used == [{"lr": 0.1} | used[0]] and "betas" not in used[0]


def test_a_damaged_checkpoint_of_a_stage_is_noticed(staged):
    done = staged()
    path = done.folder / "pretraining" / "checkpoints" / "last.ckpt"
    assert is_unchanged(path, done.folder, done.summary)
    path.write_bytes(path.read_bytes()[:-1])
    assert not is_unchanged(path, done.folder, done.summary)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("check/points", {}, "it names a folder of the run, so it must be a word"),
        ("figures", {}, "it names a folder of the run, so it must be a word"),
        ("wandb", {}, "it names a folder of the run, so it must be a word"),
        ("pretraining", {"trainer": {"max_epoch": 3}}, "Did you mean trainer.max_epochs"),
    ],
)
def test_a_stage_that_cannot_be_is_refused_in_a_sentence(train, monkeypatch, name, changes, message):
    monkeypatch.setattr(story, "fit_and_test", lambda run: run.stage(name, **changes))
    assert message in train(*STAGED, status=2).stderr


def test_a_second_stage_of_one_name_is_refused(train, monkeypatch):
    monkeypatch.setattr(story, "fit_and_test", lambda run: [run.stage("pretraining") for _ in range(2)])
    assert "a run has one stage of that name" in train(*STAGED, status=2).stderr


def test_a_stage_without_a_length_of_its_own_is_not_trained_longer_with_the_run(train, command, monkeypatch):
    def pretrain_as_long(run):
        data, stage = run.make_data(), run.stage("pretraining", optimizer={"lr": 0.01})
        task = stage.make_task(data)
        stage.fit(stage.make_trainer(task, data), task, data)

    monkeypatch.setattr(story, "fit_and_test", pretrain_as_long)
    done = train(*STAGED)
    files = [path for path in done.folder.rglob("*") if path.is_file() and path.suffix != ".log"]
    before = [path.read_bytes() for path in files]
    longer = command("train", f"resume={done.folder}", "trainer.max_epochs=5")
    assert longer.status == 2
    assert "stage 'pretraining' has no length of its own" in longer.stderr
    assert 'run.stage("pretraining", trainer={"max_epochs": 3})' in longer.stderr
    assert [path.read_bytes() for path in files] == before


def test_a_run_with_a_stage_of_its_own_length_is_trained_longer(staged, command):
    folder = staged().folder
    first = (folder / "pretraining" / "metrics.csv").read_text()
    done = command("train", f"resume={folder}", "trainer.max_epochs=4")
    assert done.status == 0, done.stderr
    assert (folder / "pretraining" / "metrics.csv").read_text() == first
    assert json.loads((folder / "summary.json").read_text())["epochs"] == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"max_epochs": 7},
            "trainer.max_epochs is a setting, and the run would note another value. Set trainer.max_",
        ),
        (
            {"precision": "64-true"},
            "Set hardware.precision=64-true, for a part of the run with run.stage(name, hardware",
        ),
        ({"logger": False}, "make_trainer(logger=...): logger follows from the run"),
        ({"limit_predict_batch": 1}, "Did you mean limit_predict_batches?"),
    ],
)
def test_what_code_gives_the_trainer_must_be_no_setting(train, monkeypatch, arguments, message):
    def story_with_arguments(run):
        data = run.make_data()
        run.make_trainer(run.make_task(data), data, **arguments)

    monkeypatch.setattr(story, "fit_and_test", story_with_arguments)
    done = train(*STAGED, status=2)
    assert message in done.stderr and "Traceback" not in done.stderr and done.folders == []


def test_other_arguments_reach_the_trainer(train, monkeypatch):
    seen = []

    def story_with_arguments(run):
        data = run.make_data()
        trainer = run.make_trainer(run.make_task(data), data, limit_predict_batches=2)
        seen.append(trainer.limit_predict_batches)

    monkeypatch.setattr(story, "fit_and_test", story_with_arguments)
    train(*STAGED)
    assert seen == [2]
