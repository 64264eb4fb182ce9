"""`train -m ... --plan` says what a multirun would do, by what ran before, and writes nothing."""

import sys

import pytest
from hyperplane.command_line import start
from hyperplane.sweeps.sweep import job_id

from synthetic_runs import write_run

CHOICES = {"choices": {"model": "mlp", "data": "mnist1d", "task": "auto"}}
TWELVE_SECONDS = {"epochs": 20, "seconds": {"startup": 1.0, "fit": 10.0, "test": 1.0, "total": 12.0}}


@pytest.fixture
def plan(command, tmp_path, monkeypatch, capsys):
    """Types the command; returns what it prints and its exit status."""
    sweep = tmp_path / "runs/sweeps/s"
    done = write_run(sweep / job_id(["model=mlp", "seed=1"]), 1, 0.5, **CHOICES, **TWELVE_SECONDS)
    write_run(sweep / job_id(["model=mlp", "seed=2"]), 2, None, status="failed", error="x", **CHOICES)
    stopped = write_run(sweep / job_id(["model=mlp", "seed=3"]), 3, None, status=None)
    for folder, size in ((done, 2_000_000), (stopped, 1)):
        (folder / "checkpoints").mkdir()
        (folder / "checkpoints/last.ckpt").write_bytes(bytes(size))

    def typed(*words):
        monkeypatch.setattr(sys, "argv", ["train", *words])
        capsys.readouterr()
        try:
            status = start("train") or 0
        except SystemExit as stop:
            status = stop.code
        told = capsys.readouterr()
        return told.out + told.err, status

    return typed


def test_it_names_what_would_run_and_what_it_takes(plan, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    told, status = plan("-m", "--plan", "model=mlp", "seed=1,2,3,4,5", "sweep=s")
    assert status == 0
    assert told.splitlines()[0] == "5 jobs in runs/sweeps/s: 1 completed, 1 interrupted, 1 failed, 2 new."
    assert "  train model=mlp seed=4 sweep=s" in told and "seed=1" not in told
    assert "About 48 s with 1 at a time, and 8.0 MB on disk" in told
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_time_follows_the_epochs_and_the_jobs_side_by_side(plan, tmp_path):
    words = (
        "model=mlp",
        "seed=11,12,13,14",
        "trainer.max_epochs=200",
        "hydra/launcher=joblib",
        "hydra.launcher.n_jobs=2",
    )
    told, _ = plan("-m", "--plan", *words)  # 2 seconds, and 200 epochs of half a second
    assert "About 3 min with 2 at a time" in told
    told, _ = plan("-m", "--plan", "model=mlp", "seed=11,12,13,14", "hardware=gpu", "trainer.max_epochs=36000")
    assert "About 20.0 h with 1 at a time" in told and "GPU hours: 20.0" in told
    words = ("model=mlp", "seed=11,12,13,14", "hardware=auto")
    assert "GPU" not in plan("-m", "--plan", *words)[0]
    on_gpu = {"hardware": {"accelerator": "cuda"}, "epochs": 20, "seconds": {"fit": 10.0, "total": 12.0}}
    write_run(tmp_path / "runs/gpu", 0, 0.5, **CHOICES, **on_gpu)
    assert "GPU hours: 0.01" in plan("-m", "--plan", *words)[0], "48 seconds"
    told, _ = plan("-m", "--plan", "model=mlp", "seed=11,12,13,14", "hydra/launcher=slurm")
    assert "About 48 s of computing" in told


def test_seconds_of_a_member_are_its_share_of_the_stack(plan, tmp_path):
    words = ("model=mlp", "seed=11,12,13,14", "hydra.launcher.n_jobs=1")
    told, _ = plan("-m", "--plan", *words, "hydra/launcher=stacked")
    assert "About 48 s" in told and "Runs like 4 jobs were completed here one by one only" in told
    members = {"epochs": 20, "seconds": {"fit": 40.0, "total": 48.0}, "hardware": {"members": 16}}
    write_run(tmp_path / "runs/sweeps/t/0", 0, 0.5, **CHOICES, **members)
    told, _ = plan("-m", "--plan", *words, "hydra/launcher=stacked")
    assert "About 12 s in stacks, with 1 at a time" in told and "Runs like" not in told
    told, _ = plan("-m", "--plan", *words, "hydra/launcher=joblib")
    assert "About 48 s" in told and "Runs like" not in told
    write_run(tmp_path / "runs/sweeps/t/1", 0, 0.5, **{"choices": CHOICES["choices"] | {"model": "cnn"}}, **members)
    told, _ = plan("-m", "--plan", "model=cnn", "seed=1,2,3,4")
    assert "About 12 s" in told and "Runs like 4 jobs were completed here as members of a stack only" in told


def test_it_says_what_it_does_not_know(plan):
    told, _ = plan("-m", "--plan", "model=cnn", "seed=1,2")
    assert "No run of these models on these data was completed here" in told
    told, _ = plan("-m", "--plan", "model=mlp,cnn", "seed=7")
    assert "No run like 1 job of these was completed here" in told and "About 24 s" in told
    told, _ = plan("-m", "--plan", "model=mlp", "seed=1", "sweep=s")
    assert told == "1 job in runs/sweeps/s: 1 completed. Nothing would run.\n"


def test_it_refuses_what_it_cannot_plan(plan):
    told, status = plan("--plan", "model=mlp")
    assert status == 2 and "--plan shows what a multirun would do" in told
    told, status = plan("-m", "--plan", "model=mlp", "seed=1,x")
    assert status == 2 and "seed" in told and "No job has been started" in told
    told, status = plan("-m", "--plan", "hydra/sweeper=optuna", "optimizer.lr=interval(0.1,1)")
    assert status == 2 and "those of a search follow from its results" in told
