"""SLURM and Ray, both real: `.ci/run` starts a SLURM cluster of one node, and Ray starts its own.

Without a cluster the tests on SLURM are skipped; with CI=true or HYPERPLANE_CLUSTERS=1 they fail.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Bake, Run, demanded, package_of
from warm import PATIENCE

FOUR_JOBS = ("model=linear,mlp", "seed=0,1", "data=moons", "trainer.max_epochs=2")
# After 21 of 60 epochs each batch takes a second until there is a file: time enough to act, on any machine.
SLOWING = '''
"""Waits before each batch."""

import time
from pathlib import Path

from lightning.pytorch import Callback


class Slowing(Callback):
    """Waits from the 22nd epoch on, until there is a file beside this one."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        if trainer.current_epoch > 20 and not Path(__file__).with_name("go").exists():
            time.sleep(1)
'''
LONG_JOBS = ("model=mlp", "model.dropout=0.1", "data=moons", "trainer.max_epochs=60", "checkpoint.every_n_epochs=10")
QUICK = ("tracking=none", "figures=false")
Sweep = dict[str, dict[str, Any]]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def project(bake: Bake) -> Path:
    """A project of its own, for the callback that slows long jobs."""
    project = bake(project_name="On Clusters")
    source = project / "src" / package_of(project)
    (source / "callbacks" / "slowing.py").write_text(SLOWING, encoding="utf-8")
    (source / "configs" / "callbacks").mkdir()
    target = f"slowing:\n  _target_: {package_of(project)}.callbacks.slowing.Slowing\n"
    (source / "configs" / "callbacks" / "slowing.yaml").write_text(f"# For a test.\n{target}", encoding="utf-8")
    train = source / "configs" / "train.yaml"
    text = train.read_text(encoding="utf-8")
    assert text.count("callbacks: []") == 1
    train.write_text(text.replace("callbacks: []", "callbacks: [slowing]"), encoding="utf-8")
    return project


@pytest.fixture
def go(project: Path, undisturbed: Path) -> Iterator[Path]:
    """The file that long jobs wait for; it is not there yet."""
    path = go_of(project)
    yield path
    path.unlink(missing_ok=True)


def go_of(project: Path) -> Path:
    """Return the file that long jobs of a project wait for."""
    return project / "src" / package_of(project) / "callbacks" / "go"


@pytest.fixture(scope="session")
def ray() -> None:
    """Ray's package; a cluster is started by the command itself."""
    if find_spec("ray") is None:
        demanded("Ray")


@pytest.fixture
def start(project: Path, clean_environment: dict[str, str]) -> Iterator[Start]:
    """`start("-m", "seed=0,1")` starts training and does not wait for its end."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", package_of(project), "train", *arguments]
        started.append(subprocess.Popen(command, cwd=project, env=clean_environment, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def summaries(sweep: Path) -> Sweep:
    """Return the summary of each job of a sweep, by the name of its folder."""
    return {path.parent.name: json.loads(path.read_text()) for path in sorted(sweep.glob("*/summary.json"))}


def statuses(sweep: Path) -> dict[int, str]:
    """Return how the jobs of a sweep over seeds ended."""
    return {summary["seed"]: summary["status"] for summary in summaries(sweep).values()}


def job(sweep: Path, seed: int) -> Path:
    """Return the folder of a job of a sweep over seeds."""
    (folder,) = sweep.glob(f"*seed_{seed}*")
    return folder


def epochs(run: Path) -> int:
    """Return how many epochs of a run are on the disk."""
    metrics = run / "metrics.csv"
    return max(0, metrics.read_text().count("\n") - 1) if metrics.exists() else 0


def assert_same_weights(left: Path, right: Path) -> None:
    """The last weights of two runs are equal, bit for bit."""
    a, b = (torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for run in (left, right))
    assert a.keys() == b.keys() and a
    assert all(torch.equal(a[name], b[name]) for name in a)


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{PATIENCE} seconds passed, and {what} did not happen"
        time.sleep(0.2)


def ask(*command: str) -> str:
    """Return what a command of SLURM prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def process_of(number: str) -> int:
    """Return the process on this machine that runs a job of SLURM."""
    single = ask("squeue", "--noheader", "--format=%A", f"--jobs={number}").strip()
    rows = [line.split() for line in ask("scontrol", "listpids", single).splitlines()[1:]]
    (pid,) = (pid for pid, _, step, place, _ in rows if (step, place) == ("0", "0"))
    return int(pid)


def begin_again_now(number: str) -> None:
    """Spare a job that is queued again the two minutes that SLURM lets it wait."""
    until(lambda: ask("squeue", "--noheader", "--format=%T", f"--jobs={number}").strip() == "PENDING", "the requeue")
    ask("scontrol", "update", f"JobId={number}", "StartTime=now")


@pytest.fixture(scope="module")
def basic(project: Path, run: Run) -> Sweep:
    """The summaries of four jobs, run one after the other."""
    run(project, "train", "-m", "sweep=basic", "hydra/launcher=basic", *FOUR_JOBS, *QUICK)
    return summaries(project / "runs/sweeps/basic")


def assert_equal_metrics(project: Path, run: Run, basic: Sweep, launcher: str) -> None:
    """The four jobs have the same metrics, to the last bit, with another launcher."""
    run(project, "train", "-m", f"sweep={launcher}", f"hydra/launcher={launcher}", *FOUR_JOBS, *QUICK)
    found = summaries(project / "runs/sweeps" / launcher)
    assert len(basic) == 4
    assert {name: summary["metrics"] for name, summary in found.items()} == {
        name: summary["metrics"] for name, summary in basic.items()
    }


def test_joblib_gives_the_metrics_of_basic(project: Path, run: Run, basic: Sweep) -> None:
    assert_equal_metrics(project, run, basic, "joblib")


@pytest.mark.usefixtures("ray")
def test_ray_gives_the_metrics_of_basic(project: Path, run: Run, basic: Sweep) -> None:
    assert_equal_metrics(project, run, basic, "ray")


@pytest.mark.usefixtures("slurm")
def test_slurm_gives_the_metrics_of_basic(project: Path, run: Run, basic: Sweep) -> None:
    assert_equal_metrics(project, run, basic, "slurm")


@pytest.fixture(scope="module")
def undisturbed(project: Path, run: Run) -> Path:
    """A sweep of two long jobs that nothing stops."""
    go_of(project).touch()
    run(project, "train", "-m", "sweep=undisturbed", "hydra/launcher=joblib", "seed=0,1", *LONG_JOBS, *QUICK)
    go_of(project).unlink()
    return project / "runs/sweeps/undisturbed"


@pytest.mark.usefixtures("slurm")
def test_on_slurm_a_preempted_job_goes_on_a_killed_one_is_told_and_none_runs_twice(
    project: Path, start: Start, undisturbed: Path, go: Path
) -> None:
    command = ("-m", "sweep=troubled", "hydra/launcher=slurm", "seed=0,1", *LONG_JOBS, *QUICK)
    sweep = project / "runs/sweeps/troubled"
    register = sweep / ".submitit/jobs.json"

    first = start(*command)
    until(lambda: len(list(sweep.glob("*/metrics.csv"))) == 2, "the start of both jobs")
    preempted, killed = job(sweep, 0), job(sweep, 1)
    until(lambda: min(epochs(preempted), epochs(killed)) > 20, "the training")
    ids = json.loads(register.read_text())
    ask("scontrol", "requeue", ids[preempted.name])
    os.kill(process_of(ids[killed.name]), signal.SIGKILL)
    begin_again_now(ids[preempted.name])
    go.touch()
    told = first.communicate(timeout=PATIENCE)[1]
    assert first.returncode == 1, told
    assert "1 of 2 jobs completed, 1 failed" in told
    assert f"SLURM job {ids[killed.name]} ended as FAILED" in told
    assert statuses(sweep) == {0: "completed"}
    assert "continuing from last.ckpt" in (preempted / "train.log").read_text()
    assert_same_weights(preempted, job(undisturbed, 0))

    go.unlink()
    second = start(*command)  # runs the killed job again
    until(lambda: json.loads(register.read_text())[killed.name] != ids[killed.name], "the submission")
    second.send_signal(signal.SIGINT)
    told = second.communicate(timeout=PATIENCE)[1]
    again = json.loads(register.read_text())[killed.name]
    assert second.returncode == 130, told
    assert "1 jobs stay in the cluster" in told and f"scancel {again}" in told

    go.touch()
    third = start(*command)  # waits for it
    told = third.communicate(timeout=PATIENCE)[1]
    assert third.returncode == 0, told
    assert "1 of the jobs are in the cluster already" in told
    assert json.loads(register.read_text())[killed.name] == again
    assert statuses(sweep) == {0: "completed", 1: "completed"}
    assert_same_weights(killed, job(undisturbed, 1))


@pytest.mark.usefixtures("slurm")
def test_a_run_that_slurm_warns_of_its_time_limit_is_queued_again_and_goes_on(
    project: Path, clean_environment: dict[str, str], tmp_path: Path, undisturbed: Path, go: Path
) -> None:
    arguments = shlex.join([sys.executable, "-m", package_of(project), "train", "seed=0", *LONG_JOBS, *QUICK])
    script = tmp_path / "job.sh"
    script.write_text(f"#!/bin/bash\n#SBATCH --requeue --output={tmp_path}/out --open-mode=append\nsrun {arguments}\n")
    submitted = subprocess.run(
        ["sbatch", "--parsable", str(script)],
        cwd=project,
        env=clean_environment,
        check=True,
        capture_output=True,
        text=True,
    )
    number = submitted.stdout.strip()

    def folders() -> list[Path]:
        return list((project / "runs/slurm").glob(f"{number}-*"))

    until(lambda: folders() and epochs(folders()[0]) > 20, "the training")
    ask("scancel", "--signal=USR1", number)  # as sbatch --signal=USR1@90 does
    begin_again_now(number)
    go.touch()
    (folder,) = folders()
    until(
        lambda: (folder / "summary.json").exists() and "completed" in (folder / "summary.json").read_text(), "the end"
    )
    assert folders() == [folder]
    assert "continuing from last.ckpt" in (folder / "train.log").read_text()
    assert_same_weights(folder, job(undisturbed, 0))


def ray_workers(project: Path) -> list[int]:
    """Return the processes of Ray that run a job of this project."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            name = (process / "cmdline").read_text()
            if name.startswith("ray::run_in") and (process / "cwd").readlink() == project:
                found.append(int(process.name))
    return found


@pytest.mark.usefixtures("ray")
def test_on_ray_jobs_stop_with_a_checkpoint_and_one_that_is_killed_takes_no_other_with_it(
    project: Path, start: Start, undisturbed: Path, go: Path
) -> None:
    command = ("-m", "sweep=on_ray", "hydra/launcher=ray", "seed=0,1", *LONG_JOBS, *QUICK)
    sweep = project / "runs/sweeps/on_ray"

    first = start(*command)
    until(lambda: len(list(sweep.glob("*/metrics.csv"))) == 2, "the start of both jobs")
    until(lambda: min(epochs(job(sweep, 0)), epochs(job(sweep, 1))) > 20, "the training")
    first.send_signal(signal.SIGINT)
    told = first.communicate(timeout=PATIENCE)[1]
    assert first.returncode == 130, told
    assert statuses(sweep) == {0: "interrupted", 1: "interrupted"}

    second = start(*command)
    until(lambda: not list(sweep.glob("*/summary.json")), "the new start of both jobs")
    os.kill(ray_workers(project)[0], signal.SIGKILL)
    go.touch()
    told = second.communicate(timeout=PATIENCE)[1]
    assert second.returncode == 1, told
    assert "1 of 2 jobs completed, 1 failed" in told
    assert "The worker died unexpectedly" in told
    ((seed, status),) = statuses(sweep).items()
    assert status == "completed"
    assert_same_weights(job(sweep, seed), job(undisturbed, seed))
