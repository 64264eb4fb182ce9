"""Kills trainings with SIGKILL at random moments, starts them again, and compares them with ones that never stopped.

python tests/kills.py run --kills 20      a training with dropout, a schedule and early stopping
python tests/kills.py sweep --kills 10    a sweep of 12 jobs, two at a time
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conftest import TEMPLATE, bake_into, layers, package_of
from warm import PATIENCE, Started, Warm

# Checkpoints every few steps: many of the kills hit one that is being written.
TRAINING = [
    *("data=moons", "model.dropout=0.2", "scheduler=cosine", "optimizer=momentum", "data.batch_size=37"),
    *("trainer.max_epochs=120", "early_stopping.patience=40", "hardware=cpu", "tracking=none", "figures=false"),
    *("checkpoint.every_n_steps=7", "checkpoint.every_n_epochs=1"),
]
SWEEP = [
    *("-m", "data=moons", "model.dropout=0.1,0.3", "seed=0,1,2,3,4,5", "trainer.max_epochs=100"),
    *("checkpoint.every_n_steps=25", "hardware=cpu", "tracking=none", "figures=false"),
    *("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
]
# What is compared of each checkpoint; best.ckpt holds weights, and no state of the training.
SAME = {
    "last": ("state_dict", "optimizer_states", "lr_schedulers", "loops", "global_step"),
    "best": ("state_dict", "epoch", "global_step"),
}


class Project:
    """A baked project and the commands that run in it."""

    def __init__(self, folder: Path, environment: Mapping[str, str], warm: Warm) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.warm = warm

    def start(self, *arguments: str) -> Started:
        """Start `train` in a process group of its own."""
        words = ("train", *arguments)
        return self.warm.start(self.folder, package_of(self.folder), *words, environment=self.environment, merged=True)

    def train(self, *arguments: str) -> str:
        """Run `train` to its end and return what it said."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output
        return output


def kill_runs(project: Project, kills: int, seed: int = 0) -> list[dict[str, Any]]:
    """Kill one run after the other at a random moment of its training, and let each go on.

    Returns:
        For each: the step of its last checkpoint when it was killed (0: none), whether it went on from there, and what
        differs from the run that was never stopped.
    """
    chance = random.Random(seed)
    project.train(*TRAINING, "hydra.run.dir=runs/never_killed")
    whole = project.folder / "runs" / "never_killed"
    seconds = json.loads((whole / "summary.json").read_text())["seconds"]["fit"]
    outcomes: list[dict[str, Any]] = []
    tries = 0
    while len(outcomes) < kills:
        tries += 1
        folder = project.folder / "runs" / f"killed-{tries}"
        process = project.start(*TRAINING, f"hydra.run.dir=runs/{folder.name}")
        wait_for(folder / "train.log", "Training")
        time.sleep(chance.uniform(0, seconds))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
        if (folder / "summary.json").exists():
            continue  # it was faster than the kill
        step = step_of(folder)
        went_on = "continuing from" in project.train(f"resume=runs/{folder.name}")
        outcomes.append({"killed after step": step, "went on": went_on, "differs": differences(whole, folder)})
    return outcomes


def kill_sweep(project: Project, kills: int, seed: int = 0) -> dict[str, Any]:
    """Kill a sweep again and again, and let the same command go on with it; compare with one that was never stopped.

    Each is killed after a random number of further epochs, and not of seconds: a fast machine must not finish the sweep
    before the kills, nor a slow one be killed each time before it trains. Every second kill takes the whole group of
    processes, as a power cut does; the others the one that was started.
    """
    chance = random.Random(seed)
    sweeps = project.folder / "runs" / "sweeps"
    a_share = 1200 / (kills + 1)  # of the epochs of 12 jobs
    done: dict[str, int] = {}  # when the summary of a completed job was written
    killed = 0
    for number in range(kills):
        goal = epochs_in(sweeps / "killed") + chance.uniform(0.05, 1) * a_share
        process = project.start(*SWEEP, "sweep=killed")
        deadline = time.monotonic() + PATIENCE
        while process.poll() is None and epochs_in(sweeps / "killed") < goal:
            if time.monotonic() > deadline:
                process.kill()
                raise TimeoutError(f"the sweep stood still: {process.communicate(timeout=PATIENCE)[0]}")
            time.sleep(0.05)
        if process.poll() is None:
            killed += 1
            (os.killpg if number % 2 else os.kill)(process.pid, signal.SIGKILL)
        process.communicate(timeout=PATIENCE)
        for path in sweeps.glob("killed/*/summary.json"):
            if json.loads(path.read_text())["status"] == "completed":
                done.setdefault(path.parent.name, path.stat().st_mtime_ns)
    project.train(*SWEEP, "sweep=killed")
    project.train(*SWEEP, "sweep=never_killed")
    jobs = sorted(path.name for path in (sweeps / "never_killed").iterdir() if path.is_dir())
    ends = {job: sweeps / "killed" / job / "summary.json" for job in jobs}
    compared = {job: differences(sweeps / "never_killed" / job, sweeps / "killed" / job) for job in jobs}
    return {
        "kills": killed,
        "completed": sum(json.loads(path.read_text())["status"] == "completed" for path in ends.values()),
        "completed before the last start": len(done),
        "run again after that": [job for job, moment in done.items() if ends[job].stat().st_mtime_ns != moment],
        "went on from a checkpoint": sum(
            "continuing from" in (path.parent / "train.log").read_text() for path in ends.values()
        ),
        "differs": {job: found for job, found in compared.items() if found},
    }


def epochs_in(sweep: Path) -> int:
    """Count the epochs that the jobs of a sweep have written down, a row for each."""
    return sum(path.read_bytes().count(b"\n") for path in sweep.glob("*/metrics.csv"))


def wait_for(path: Path, words: str) -> None:
    """Wait until a log says `words`."""
    for _ in range(30_000):
        if path.exists() and words in path.read_text(encoding="utf-8"):
            return
        time.sleep(0.01)
    raise TimeoutError(f"{path} never said {words!r}")


def step_of(folder: Path) -> int:
    """Return the step of the last checkpoint of a run that was killed, 0 if there is none."""
    import torch

    found = [folder / "checkpoints" / name for name in ("last.ckpt", "previous.ckpt")]
    there = [path for path in found if path.exists()]
    return int(torch.load(there[0], weights_only=True)["global_step"]) if there else 0


def differences(first: Path, second: Path) -> list[str]:
    """Return what is not the same, to the last bit, in two run folders."""
    import torch

    checkpoints = [
        {name: torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True) for name in SAME}
        for folder in (first, second)
    ]
    found = [
        f"{name}.ckpt {key}"
        for name, keys in SAME.items()
        for key in keys
        if not same(checkpoints[0][name][key], checkpoints[1][name][key])
    ]
    if (first / "metrics.csv").read_text() != (second / "metrics.csv").read_text():
        found.append("metrics.csv")
    metrics = [json.loads((folder / "summary.json").read_text())["metrics"] for folder in (first, second)]
    return found + (["summary.json metrics"] if metrics[0] != metrics[1] else [])


def same(first: Any, second: Any) -> bool:
    """Compare tensors and plain values, however they are nested."""
    import torch

    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return bool(first == second)


def main() -> None:
    """Run one of the two and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("run", "sweep"))
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        environment |= {"PYTHONPATH": layers(Path()), "HOME": folder}
        with Warm(environment) as warm:
            project = Project(bake_into(TEMPLATE, Path(folder)), environment, warm)
            if asked.what == "sweep":
                sys.stdout.write(json.dumps(kill_sweep(project, asked.kills, asked.seed), indent=1) + "\n")
                return
            outcomes = kill_runs(project, asked.kills, asked.seed)
        for outcome in outcomes:
            sys.stdout.write(f"{outcome}\n")
        equal = sum(
            not outcome["differs"] and outcome["went on"] == (outcome["killed after step"] > 0) for outcome in outcomes
        )
        sys.stdout.write(f"{equal} of {len(outcomes)} equal the run that was never stopped, bit for bit\n")


if __name__ == "__main__":
    main()
