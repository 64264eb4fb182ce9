"""SLURM and Ray, both real: `.ci/run` starts a SLURM cluster of one node, and Ray starts its own.

Without a cluster the tests on SLURM are skipped; with CI=true or HYPERPLANE_CLUSTERS=1 they fail.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Run, package_of

EIGHT_JOBS = ("model=linear,mlp", "seed=0,1,2,3", "data=moons", "trainer.max_epochs=2")
QUICK = ("tracking=none", "figures=false")
PATIENCE = 240  # seconds until a test gives up waiting


def demanded(what: str) -> None:
    """Skip the test for want of a cluster; where there must be one, fail."""
    if os.environ.get("CI") == "true" or os.environ.get("HYPERPLANE_CLUSTERS") == "1":
        pytest.fail(f"{what} is missing, and must be here")
    pytest.skip(f"{what} is missing; .ci/run installs it")


@pytest.fixture(scope="session")
def slurm() -> None:
    """A SLURM cluster that answers."""
    if shutil.which("sbatch") is None:
        demanded("SLURM")
    state = subprocess.run(["sinfo", "--noheader", "--format=%a %T"], capture_output=True, text=True, check=False)
    if state.returncode or not re.search("up (idle|mixed|allocated)", state.stdout):
        demanded(f"A SLURM node that works ({state.stdout.strip()} {state.stderr.strip()})")


@pytest.fixture(scope="session")
def ray() -> None:
    """Ray's package; a cluster is started by the command itself."""
    if find_spec("ray") is None:
        demanded("Ray")


def summaries(sweep: Path) -> dict[str, dict[str, Any]]:
    """Return the summary of each job of a sweep, by its folder's name."""
    return {path.parent.name: json.loads(path.read_text()) for path in sorted(sweep.glob("*/summary.json"))}


def weights(run: Path) -> dict[str, torch.Tensor]:
    """Return the last weights of a run."""
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    return dict(checkpoint["state_dict"])


def assert_same_weights(left: Path, right: Path) -> None:
    """The last weights of two runs are equal, bit for bit."""
    a, b = weights(left), weights(right)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{PATIENCE} seconds passed before {what}"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def basic(project: Path, run: Run) -> dict[str, dict[str, Any]]:
    """The summaries of eight jobs, run one after the other."""
    run(project, "train", "-m", "sweep=basic", "hydra/launcher=basic", *EIGHT_JOBS, *QUICK)
    return summaries(project / "runs/sweeps/basic")


def assert_equal_metrics(project: Path, run: Run, basic: dict[str, dict[str, Any]], launcher: str) -> None:
    """The eight jobs have the same metrics, to the last bit, with another launcher."""
    run(project, "train", "-m", f"sweep={launcher}", f"hydra/launcher={launcher}", *EIGHT_JOBS, *QUICK)
    found = summaries(project / "runs/sweeps" / launcher)
    assert len(basic) == 8
    assert {name: summary["metrics"] for name, summary in found.items()} == {
        name: summary["metrics"] for name, summary in basic.items()
    }


def test_joblib_gives_the_metrics_of_basic(project: Path, run: Run, basic: dict[str, dict[str, Any]]) -> None:
    assert_equal_metrics(project, run, basic, "joblib")


@pytest.mark.usefixtures("ray")
def test_ray_gives_the_metrics_of_basic(project: Path, run: Run, basic: dict[str, dict[str, Any]]) -> None:
    assert_equal_metrics(project, run, basic, "ray")


@pytest.mark.usefixtures("slurm")
def test_slurm_gives_the_metrics_of_basic(project: Path, run: Run, basic: dict[str, dict[str, Any]]) -> None:
    assert_equal_metrics(project, run, basic, "slurm")
