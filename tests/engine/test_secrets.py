"""Keys and tokens: read from .env, and written nowhere. And a clock that jumps, which must not confuse a run."""

import os
import time

import pytest
from hyperplane.secrets import is_secret, mask, read_env
from hyperplane.tasks.task import Task

SECRET = "correct-horse-battery"


def test_env_is_read_and_what_is_set_already_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", {"ONE": "set"})
    (tmp_path / ".env").write_text("# note\nONE=file\n TWO = two \nexport THREE='3=3'\nnonsense\nBAD NAME=x\n=x\n")
    read_env(tmp_path / ".env")
    assert os.environ == {"ONE": "set", "TWO": "two", "THREE": "3=3"}
    read_env(tmp_path / "missing")
    (tmp_path / "binary").write_bytes(b"\xff\xfeKEY=1")
    read_env(tmp_path / "binary")
    assert len(os.environ) == 3


@pytest.mark.parametrize("name", ["WANDB_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "my_api_key"])
def test_names_of_secrets_are_known(name):
    assert is_secret(name)


@pytest.mark.parametrize("name", ["PATH", "HOME", "SCRATCH", "WANDB_MODE", "OMP_NUM_THREADS"])
def test_other_names_are_no_secrets(name):
    assert not is_secret(name)


def test_values_of_secrets_are_masked(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setenv("SHORT_KEY", "run")
    assert mask(f"https://me:{SECRET}@host/run") == "https://me:<HF_TOKEN>@host/run"


def test_a_key_from_env_is_in_no_file_of_a_run_that_fails_with_it(train, tmp_path, monkeypatch):
    def step(self, batch, batch_idx):
        raise RuntimeError(f"401 for https://me:{os.environ['MY_TOKEN']}@host")

    monkeypatch.setattr(Task, "training_step", step)
    monkeypatch.setenv("MY_TOKEN", "")  # so that it is forgotten after the test
    monkeypatch.delenv("MY_TOKEN")
    (tmp_path / ".env").write_text(f"MY_TOKEN={SECRET}\n")
    done = train("model=linear", "data=blobs", "tracking=csv", status=1)
    assert done.summary["error"] == "RuntimeError: 401 for https://me:<MY_TOKEN>@host"
    assert "<MY_TOKEN>" in (done.folder / "train.log").read_text() and SECRET not in done.stderr
    for path in done.folder.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


def test_the_environment_is_in_no_file_of_a_run(train, monkeypatch):
    monkeypatch.setenv("SOME_VARIABLE", "some-value-of-it")
    done = train("model=linear", "data=blobs", "tracking=csv")
    assert "val/loss" in (done.folder / "csv" / "metrics.csv").read_text()
    for path in done.folder.rglob("*"):
        assert not path.is_file() or b"some-value-of-it" not in path.read_bytes(), path


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps_does_not_confuse_a_run(train, monkeypatch, jump):
    clock, calls = time.time, iter(range(10**9))
    monkeypatch.setattr(time, "time", lambda: clock() + (jump if next(calls) % 2 else 0))
    done = train("model=linear", "data=blobs", "trainer.max_epochs=3", "trainer.max_time='00:00:10:00'")
    assert done.summary["status"] == "completed" and done.summary["epochs"] == 3
    assert all(0 <= seconds < 600 for seconds in done.summary["seconds"].values())
