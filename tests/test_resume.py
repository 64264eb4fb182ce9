"""What is killed goes on; what fails, fails alone. See kills.py, which does the same more often."""

import json
from pathlib import Path

import pytest
from conftest import Bake, Run, package_of
from kills import Project, kill_runs, kill_sweep
from warm import PATIENCE, Warm

# A model whose third, fifth and seventh job come to grief in their second epoch, until they are repaired.
FAULTY = '''
"""Linear, with a fault in some jobs."""

import os
import signal

from hyperplane.data.spec import DataSpec
from torch import Tensor, nn


class Faulty(nn.Module):
    """Raises, diverges, or is killed."""

    def __init__(self, spec: DataSpec, job: int) -> None:
        super().__init__()
        self.affine = nn.Linear(spec.input_shape[0], spec.output_size)
        self.job = 0 if "REPAIRED" in os.environ else job
        self.steps = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.steps += self.training
        if self.steps == 12 and self.job == 3:
            raise RuntimeError("a fault of the model")
        if self.steps >= 12 and self.job == 5:
            return self.affine(inputs) * float("nan")
        if self.steps == 12 and self.job == 7:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.affine(inputs)
'''
SHORT = ("data=moons", "tracking=none", "figures=false", "trainer.max_epochs=3", "checkpoint.every_n_epochs=1")


@pytest.fixture(scope="module")
def trained(project: Path, clean_environment: dict[str, str], warm: Warm) -> Project:
    return Project(project, clean_environment, warm)


def test_a_run_that_is_killed_goes_on_to_the_same_weights(trained: Project) -> None:
    outcomes = kill_runs(trained, kills=2, seed=1)
    assert [outcome["differs"] for outcome in outcomes] == [[], []]
    assert all(outcome["went on"] == (outcome["killed after step"] > 0) for outcome in outcomes)
    assert any(outcome["went on"] for outcome in outcomes), "one had a checkpoint to go on from"


def test_a_sweep_that_is_killed_ten_times_ends_as_one_that_never_stopped(trained: Project) -> None:
    outcome = kill_sweep(trained, kills=10, seed=1)
    assert outcome["kills"] == 10, "each hit the sweep while it ran"
    assert outcome["completed"] == 12
    assert outcome["run again after that"] == []
    assert outcome["differs"] == {} and outcome["went on from a checkpoint"] > 0


@pytest.fixture(scope="module")
def faulty(bake: Bake) -> Path:
    """A project of its own, with a model that has faults."""
    project = bake(project_name="With Faults", tracking="csv")
    source = project / "src" / package_of(project)
    (source / "models" / "faulty.py").write_text(FAULTY)
    target = f"_target_: {package_of(project)}.models.faulty.Faulty\njob: 0\n"
    (source / "configs" / "model" / "faulty.yaml").write_text(f"# For a test.\n{target}")
    return project


def test_failures_stay_local_and_only_they_are_repeated(
    faulty: Path, run: Run, clean_environment: dict[str, str]
) -> None:
    command = ("train", "-m", "model=faulty", f"model.job={','.join(map(str, range(12)))}", "sweep=faults", *SHORT)
    sweep = faulty / "runs" / "sweeps" / "faults"

    def trainings() -> list[int]:
        return [log.read_text(encoding="utf-8").count("Training faulty") for log in sorted(sweep.glob("*/train.log"))]

    first = run(faulty, *command, check=False)
    assert first.returncode == 1 and "9 of 12 jobs completed, 3 failed" in first.stderr
    told = first.stderr[first.stderr.index("9 of 12") :].splitlines()
    for job, reason in ((3, "a fault of the model"), (5, "Diverged: train/loss became nan"), (7, "killed by SIGKILL")):
        (place,) = (number for number, line in enumerate(told) if line.startswith("  train ") and f"job={job} " in line)
        assert reason in told[place + 1], told
    assert "Traceback" not in first.stderr
    assert sorted(trainings()) == [1] * 12

    second = run(faulty, *command, check=False)
    assert second.returncode == 1 and "9 of 12 jobs are completed already" in second.stderr
    assert "Running 3 jobs" in second.stderr
    assert sorted(trainings()) == [1] * 9 + [2] * 3

    clean_environment["REPAIRED"] = "yes"
    third = run(faulty, *command)
    del clean_environment["REPAIRED"]
    assert "All 12 jobs completed" in third.stderr
    statuses = [json.loads(path.read_text())["status"] for path in sweep.glob("*/summary.json")]
    assert statuses == ["completed"] * 12


def test_two_that_start_the_same_sweep_run_each_job_once(trained: Project) -> None:
    command = ("-m", "model=linear", "seed=1,2,3,4", "sweep=twice", *SHORT)
    both = [trained.start(*command) for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE)[0] for process in both]
    jobs = sorted((trained.folder / "runs" / "sweeps" / "twice").glob("*/train.log"))
    assert [log.read_text(encoding="utf-8").count("Training linear") for log in jobs] == [1] * 4
    assert [process.returncode for process in both] == [0, 0], said
