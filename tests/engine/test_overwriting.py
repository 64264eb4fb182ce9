"""What is completed is not overwritten, whatever folder a run is asked to write into."""

import json

import pytest
from filelock import FileLock

FAST = ("data=moons", "trainer.max_steps=2")
MINE = "hydra.run.dir=runs/mine/mlp"


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("folder", "how"),
    [
        (MINE, []),
        ("hydra.run.dir=runs/mine/${hydra:runtime.choices.model}", []),
        ("hydra.run.dir=runs/${sweep}/mlp", ["sweep=mine"]),
        (MINE, ["hydra.output_subdir=null"]),
    ],
)
def test_a_completed_run_is_not_overwritten(train, folder, how):
    done = train(MINE, *FAST).folder
    before = files(done)
    again = train(folder, *how, "seed=1", *FAST, status=2)
    assert "runs/mine/mlp holds a run that is completed. Name a new folder" in again.stderr
    assert how == ["hydra.output_subdir=null"] or "train resume=runs/mine/mlp trainer.max_epochs=" in again.stderr
    assert files(done) == before


def test_a_run_whose_summary_was_changed_is_not_overwritten(train):
    path = train(MINE, *FAST).folder / "summary.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 7'))
    assert "holds a run that is completed" in train(MINE, *FAST, status=2).stderr
    assert '"seed": 7' in path.read_text()


def test_a_run_that_is_being_trained_keeps_its_notes(train):
    done = train(MINE, *FAST).folder
    (done / "summary.json").unlink()
    before = files(done)
    with FileLock(done / ".lock"):
        assert "is being trained by another process" in train(MINE, "seed=1", *FAST, status=2).stderr
    assert files(done) == before


def test_a_run_that_failed_is_replaced(train):
    failed = train(MINE, "data=moons", "optimizer=sgd", "optimizer.lr=1e30", status=1).folder
    assert json.loads((failed / "summary.json").read_text())["status"] == "failed"
    train(MINE, *FAST)
    assert json.loads((failed / "summary.json").read_text())["status"] == "completed"


def test_a_multirun_does_not_ask_for_the_folder_of_a_single_run(train):
    train(MINE, *FAST)
    assert train("-m", MINE, *FAST, "seed=1,2", "sweep=try").stderr.count("test/loss") == 2


def test_a_job_of_slurm_goes_on_in_its_folder_and_completes_it_once(train, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    first = train(*FAST).folder
    before = files(first)
    assert first.as_posix().startswith("runs/slurm/17-")
    another = train(*FAST).folder  # the same command, by hand, within the same job
    assert another.parent.parent.name == "runs" and another.parent.name != "slurm"
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert train(*FAST).folders == []
    assert files(first) == before
