"""Searches in processes of their own: killed and started again, pruned, and led by an agent of Weights & Biases."""

import csv
import json
import os
import re
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import Run, package_of, python
from warm import PATIENCE, Warm

SEARCH = (
    "-m",
    "hydra/sweeper=optuna",
    "hydra.sweeper.n_trials=12",
    "model=linear",
    "data=moons",
    "optimizer.lr=tag(log, interval(1e-4, 1e-1))",
    "data.batch_size=interval(8, 64)",
    "trainer.max_epochs=8",
    "tracking=none",
    "figures=false",
)


def trials(project: Path, name: str) -> list[dict[str, str]]:
    """Return the rows of a search's table of trials."""
    table = project / "runs" / "sweeps" / name / "trials.csv"
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def whole(project: Path, run: Run) -> list[dict[str, str]]:
    """The trials of a search that was neither stopped nor pruned."""
    run(project, "train", *SEARCH, "sweep=whole")
    return trials(project, "whole")


def test_a_search_that_is_killed_after_five_trials_ends_with_twelve_and_uses_the_first_five(
    project: Path, run: Run, clean_environment: dict[str, str], warm: Warm, whole: list[dict[str, str]]
) -> None:
    command = (package_of(project), "train", *SEARCH, "sweep=killed")
    process = warm.start(project, *command, environment=clean_environment, merged=False)
    while len(trials(project, "killed")) < 5:
        assert process.poll() is None, process.communicate(timeout=PATIENCE)[1]
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=PATIENCE)

    before = [row for row in trials(project, "killed") if row["state"] == "completed"]
    assert 5 <= len(before) < 12
    folder = project / "runs" / "sweeps" / "killed"
    written = {row["job"]: (folder / row["job"] / "summary.json").stat().st_mtime_ns for row in before}
    done = run(project, "train", *SEARCH, "sweep=killed")

    after = trials(project, "killed")
    assert [row["trial"] for row in after] == [str(number) for number in range(12)]
    assert {row["state"] for row in after} == {"completed"}
    assert after[: len(before)] == before
    assert {name: (folder / name / "summary.json").stat().st_mtime_ns for name in written} == written
    (counted,) = re.findall(r"(\d+) of 12 trials have a result already, (\d+) are resumed", done.stderr)
    assert int(counted[0]) - len(before) in (0, 1) and int(counted[1]) in (0, 1)
    assert "12 trials: 12 completed" in done.stderr

    assert after == whole  # as if nothing had happened


def test_pruning_runs_fewer_epochs_and_finds_the_same_best(
    project: Path, run: Run, whole: list[dict[str, str]]
) -> None:
    pruner = ("hydra/sweeper/pruner=successive_halving", "hydra.sweeper.pruner.reduction_factor=3")
    run(project, "train", *SEARCH, *pruner, "sweep=pruned")
    pruned = trials(project, "pruned")
    epochs = [sum(int(row["epochs"]) for row in rows) for rows in (whole, pruned)]
    assert epochs[0] == 12 * 8
    assert epochs[1] < 0.75 * epochs[0], pruned
    # The first ten are drawn at random: both searches try the same settings.
    assert [row["job"] for row in whole[:10]] == [row["job"] for row in pruned[:10]]
    for before, row in zip(whole[:10], pruned, strict=False):
        assert row["state"] in ("completed", "pruned")
        if row["state"] == "completed":
            assert row == before and row["epochs"] == "8"
        else:
            summary = json.loads((project / "runs/sweeps/pruned" / row["job"] / "summary.json").read_text())
            assert summary["pruned"] and summary["status"] == "interrupted"
            assert summary["error"] == f"pruned after epoch {row['epochs']}"
            assert int(row["epochs"]) == summary["epochs"] < 8
    completed = [row for row in pruned if row["state"] == "completed"]
    best = min(whole[:10], key=lambda row: float(row["val/loss"]))
    assert best in completed


AGENT = """
import json, os, sys, yaml
from wandb.wandb_agent import Agent
config = yaml.safe_load(open("sweep.yaml"))
agent = Agent(api=None, queue=None, sweep_id="sweep1")
agent._sweep_command = config["command"]
values = {name: {"value": value} for name, value in json.loads(sys.argv[1]).items()}
agent._command_run({"type": "run", "run_id": "run00001", "program": config["program"], "args": values})
sys.exit(agent._run_processes["run00001"].wait())
"""


def test_an_agent_of_weights_and_biases_hands_its_values_on_unchanged(
    project: Path, clean_environment: dict[str, str], tmp_path: Path
) -> None:
    sweep = yaml.safe_load((project / "sweep.yaml").read_text(encoding="utf-8"))
    chosen = {name: values.get("values", [values.get("min")])[-1] for name, values in sweep["parameters"].items()}
    chosen |= {"optimizer.lr": 1e-05, "data": "moons", "trainer.max_epochs": 1, "hydra.run.dir": "runs/agent"}
    # The command as pip would install it.
    script = tmp_path / "train"
    script.write_text(f'#!/bin/sh\nexec {sys.executable} -m {package_of(project)} train "$@"\n')
    script.chmod(0o755)
    environment = {
        **clean_environment,
        "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        "WANDB_MODE": "offline",
        "WANDB_SWEEP_ID": "sweep1",
    }
    done = python(project, "-c", AGENT, json.dumps(chosen), env=environment)
    summary = json.loads((project / "runs/agent/summary.json").read_text())
    assert summary["status"] == "completed", done.stderr
    handed_on = [f"{name}={value}" for name, value in chosen.items() if not name.startswith("hydra.")]
    assert summary["overrides"] == ["tracking=wandb", *handed_on]
    assert sweep["metric"]["name"] in summary["metrics"]
    assert "model.hidden_sizes=[200,200]" in handed_on and "optimizer.lr=1e-05" in handed_on
    # The agent's own id: the server finds the results under it.
    assert [path.name.rpartition("-")[2] for path in (project / "runs/agent/wandb").glob("offline-run-*")] == [
        "run00001"
    ]
