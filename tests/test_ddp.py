"""Several devices, as two processes on the CPU: one folder a run, and the numbers of one process."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Bake, Run, package_of
from warm import Warm

Done = subprocess.CompletedProcess[str]

MOONS = ("model=mlp", "data=moons", "figures=false")
# Batches of 37 of the 720 samples: neither they nor the last one, of 17, can be halved.
UNEVEN = ("data.batch_size=37", "trainer.max_epochs=2", "trainer.gradient_clip_val=1", "loss=cross_entropy")


def summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return found


def weights(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return state


def test_jobs_of_a_multirun_on_two_processes_equal_those_of_one(project: Path, run: Run) -> None:
    before = {path.parent for path in project.glob("runs/**/summary.json")}
    sweep = ("sweep=ddp", "hydra/launcher=local", "tracking=wandb", "tracking.mode=offline")
    run(project, "train", "-m", "hardware=cpu,ddp_cpu", "seed=1,2", *sweep, *MOONS, *UNEVEN)
    jobs = {path.parent for path in project.glob("runs/**/summary.json")} - before
    assert len(jobs) == 4 and {job.parent for job in jobs} == {project / "runs" / "sweeps" / "ddp"}
    assert {path.name for path in (project / "runs" / "sweeps" / "ddp").iterdir() if path.is_dir()} == {
        job.name for job in jobs
    }
    assert not (project / "outputs").exists() and not list(project.glob("*.log"))
    found = {}
    for job in jobs:
        assert len(list(job.glob("wandb/offline-run-*"))) == 1
        assert (job / "train.log").read_text().count("Training mlp") == 1
        found[summary(job)["hardware"]["devices"], summary(job)["seed"]] = job
    for seed in (1, 2):
        alone, together = found[1, seed], found[2, seed]
        assert summary(together)["metrics"] == pytest.approx(summary(alone)["metrics"], abs=1e-5)
        assert summary(together)["steps"] == summary(alone)["steps"] == 40
        for name, value in weights(alone).items():
            torch.testing.assert_close(weights(together)[name], value, atol=1e-5, rtol=0)
    done = run(project, "evaluate", f"run={found[2, 1].relative_to(project)}")
    assert "test/accuracy" in done.stderr and "summary.json says" not in done.stderr


STAGED = """def fit_and_test(run: "Run") -> None:
    data = run.make_data()
    stage = run.stage("pretraining", trainer={"max_epochs": 2}, optimizer={"lr": 0.01})
    first = stage.make_task(data)
    stage.fit(stage.make_trainer(first, data), first, data)
    task = run.make_task(data)
    task.network.load_state_dict(first.network.state_dict())
    trainer = run.make_trainer(task, data)
    run.fit(trainer, task, data)
    run.test(trainer, task, data)
"""


def test_a_stage_on_two_processes_equals_that_of_one(project: Path, run: Run, tmp_path: Path) -> None:
    own = tmp_path / "own"
    for layer in ("src", "vendor"):
        shutil.copytree(project / layer, own / layer)
    story = own / "src" / package_of(own) / "train.py"
    told = story.read_text(encoding="utf-8")
    begin, end = told.index("def fit_and_test"), told.index("def train(")
    story.write_text(f"{told[:begin]}{STAGED}\n\n{told[end:]}", encoding="utf-8")
    sweep = ("-m", "sweep=staged", "hydra/launcher=basic", "hardware=cpu,ddp_cpu", "tracking=none")
    run(own, "train", *sweep, *MOONS, *UNEVEN)
    jobs = {summary(job)["hardware"]["devices"]: job for job in own.glob("runs/sweeps/staged/*/") if job.is_dir()}
    alone, together = folders = [jobs[1], jobs[2]]
    stages = [summary(folder)["stages"]["pretraining"] for folder in folders]
    assert stages[1]["steps"] == stages[0]["steps"] == 40 and stages[1]["status"] == "completed"
    assert stages[1]["metrics"] == pytest.approx(stages[0]["metrics"], abs=1e-5)
    assert summary(together)["metrics"] == pytest.approx(summary(alone)["metrics"], abs=1e-5)
    assert len((together / "pretraining" / "metrics.csv").read_text().splitlines()) == 1 + 2
    for part in ("pretraining", "."):
        for name, value in weights(alone / part).items():
            torch.testing.assert_close(weights(together / part)[name], value, atol=1e-5, rtol=0)
    # It goes on as a whole: the stage is taken over, not trained anew.
    before = weights(together / "pretraining")
    run(own, "train", f"resume={together}", "trainer.max_epochs=3")
    assert summary(together)["epochs"] == 3 and summary(together)["stages"]["pretraining"]["steps"] == 40
    assert all(torch.equal(value, before[name]) for name, value in weights(together / "pretraining").items())


# Sends a signal to its own process, in the middle of the third of six epochs: the moment depends on no clock.
SIGNALLING = '''
"""Sends the signal that SIGNAL names to the rank that it names."""

import os

from lightning.pytorch import Callback


class Signalling(Callback):
    """Acts in the third epoch, before its sixth batch."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        rank, number = map(int, os.environ.get("SIGNAL", "-1 0").split())
        if (trainer.global_rank, trainer.current_epoch, batch_idx) == (rank, 2, 5):
            os.kill(os.getpid(), number)
'''
RESUMED = (*MOONS, "hardware=ddp_cpu", "tracking=none", "model.dropout=0.2", "scheduler=cosine", "trainer.max_epochs=6")
Stop = Callable[[str, int, signal.Signals], Done]


@pytest.fixture(scope="module")
def signalled(bake: Bake) -> Path:
    """A project of its own, whose runs send themselves a signal if the environment says so."""
    project = bake(project_name="Signalled")
    source = project / "src" / package_of(project)
    (source / "configs" / "callbacks").mkdir()
    (source / "callbacks" / "signalling.py").write_text(SIGNALLING, encoding="utf-8")
    target = f"signalling:\n  _target_: {package_of(project)}.callbacks.signalling.Signalling\n"
    (source / "configs" / "callbacks" / "signalling.yaml").write_text(f"# For a test.\n{target}", encoding="utf-8")
    return project


@pytest.fixture
def stop(signalled: Path, clean_environment: dict[str, str], warm: Warm) -> Stop:
    """`stop("name", rank, number)` runs in runs/name, and sends a signal to a rank in the third epoch."""

    def stop(name: str, rank: int, number: signal.Signals) -> Done:
        arguments = ("train", *RESUMED, "callbacks=[signalling]", f"hydra.run.dir=runs/{name}")
        environment = clean_environment | {"SIGNAL": f"{rank} {int(number)}"}
        return warm.run(signalled, package_of(signalled), *arguments, environment=environment)

    return stop


def test_a_run_that_was_stopped_goes_on_bit_for_bit(signalled: Path, run: Run, stop: Stop) -> None:
    done = stop("stopped", 0, signal.SIGTERM)
    folder = signalled / "runs" / "stopped"
    assert done.returncode == 128 + signal.SIGTERM, done.stderr
    assert summary(folder)["status"] == "interrupted" and summary(folder)["epochs"] == 2
    assert "continuing from" in run(signalled, "train", "resume=runs/stopped").stderr
    run(signalled, "train", *RESUMED, "hydra.run.dir=runs/whole")
    assert summary(folder)["metrics"] == summary(signalled / "runs" / "whole")["metrics"]
    for name, value in weights(signalled / "runs" / "whole").items():
        assert torch.equal(weights(folder)[name], value), name


def test_a_rank_that_is_killed_ends_the_run_with_a_sentence(signalled: Path, stop: Stop) -> None:
    done = stop("killed", 1, signal.SIGKILL)
    assert done.returncode == 1
    assert "rank 1 of 2: its process was killed by SIGKILL" in done.stderr and "Traceback" not in done.stderr
    killed = summary(signalled / "runs" / "killed")
    assert killed["status"] == "failed" and "killed by SIGKILL" in killed["error"]
