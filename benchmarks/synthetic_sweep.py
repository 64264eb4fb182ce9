"""A multirun as `train` would have left it, with as many jobs as wanted: metrics that rise, some jobs failed."""

import math
import random
import subprocess
import sys
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

from baked import PACKAGE, environment, layers

SETTINGS = {
    "model": ["linear", "mlp", "cnn", "rnn"],
    "optimizer.lr": ["0.0003", "0.001", "0.003", "0.01", "0.03"],
    "data.batch_size": ["10", "20", "50", "100", "200"],
    "optimizer.weight_decay": ["0.0", "0.1"],
}
CHOICES = {
    "data": "mnist1d",
    "task": "auto",
    **{"optimizer": "adam", "scheduler": "none", "loss": "auto", "hardware": "cpu", "tracking": "none"},
    "experiment": None,
}
EPOCHS = 150
Grid = dict[str, list[str]]


def write_sweep(project: Path, name: str, grid: Grid, seeds: int, lost: bool = True) -> int:
    """Write a synthetic sweep into `runs/sweeps/<name>` and return how many jobs it has.

    Args:
        project: a baked project.
        name: of the sweep.
        grid: the values of each setting; every combination is a job for each seed. See `SETTINGS`.
        seeds: how many.
        lost: 3 % of the jobs failed or never ended; otherwise all are completed.
    """
    sys.path[:0] = layers(project)
    import_module(PACKAGE)  # the project that the engine serves
    integrity = import_module("hyperplane.run_folder.integrity")
    job_id = import_module("hyperplane.sweeps.sweep").job_id
    noise = random.Random(0)
    jobs = [*product(*grid.values(), range(seeds))]
    # The config of a real run, so that files have their real sizes.
    config = subprocess.run(
        [sys.executable, "-m", PACKAGE, "train", "--cfg", "job"],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for i, (*values, seed) in enumerate(jobs):
        overrides = [f"{key}={value}" for key, value in zip(grid, values, strict=True)] + [f"seed={seed}"]
        folder = project / "runs/sweeps" / name / job_id(overrides)
        (folder / ".hydra").mkdir(parents=True)
        (folder / ".hydra" / "config.yaml").write_text(config)
        (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {text}\n" for text in overrides))
        choices = {"model": values[0], **CHOICES}
        lines = [f"      {group}: {choice or 'null'}\n" for group, choice in choices.items()]
        hydra = ["hydra:\n  runtime:\n    choices:\n", *lines, "  verbose: false\n"]
        (folder / ".hydra" / "hydra.yaml").write_text("".join(hydra))
        rows = curve(values, noise)
        write_metrics(folder / "metrics.csv", rows)
        status = {0: "failed", 50: None}.get(i % 67, "completed") if lost else "completed"
        if status:
            summary = summarized(status, overrides, choices, seed, rows[-1])
            (folder / "summary.json").write_text(integrity.seal(summary, folder))
    return len(jobs)


def curve(values: list[str], noise: random.Random) -> list[dict[str, float]]:
    """Return the metrics of each epoch: accuracies that rise to what depends on the settings, and a little chance."""
    model, rate, batch, decay = [*values, *("50", "0.0")][:4]  # a smaller grid leaves out the last ones
    best = {"linear": 0.33, "mlp": 0.66, "cnn": 0.93, "rnn": 0.9}[model]
    best -= 0.04 * abs(math.log10(float(rate) / 0.003)) + 0.01 * abs(math.log10(float(batch) / 50))
    best -= 0.1 * float(decay) + noise.gauss(0, 0.01)
    rows = []
    for epoch in range(EPOCHS):
        accuracy = best - (best - 0.1) * math.exp(-epoch / 20) + noise.gauss(0, 0.01)
        rows.append({"loss": -math.log(max(0.05, accuracy)), "accuracy": accuracy})
    return rows


def write_metrics(path: Path, rows: list[dict[str, float]]) -> None:
    lines = ["epoch,step,val/loss,val/accuracy,train/loss,train/accuracy,test/loss,test/accuracy"]
    for epoch, row in enumerate(rows):
        loss, accuracy = row.values()
        lines.append(f"{epoch},{36 * epoch + 35},{loss},{accuracy},{0.9 * loss},{accuracy + 0.02},,")
    path.write_text("\n".join(lines) + "\n")


def summarized(
    status: str, overrides: list[str], choices: dict[str, str | None], seed: int, last: dict[str, float]
) -> dict[str, Any]:
    """Return a summary of the shape and size that `train` writes."""
    metrics = {f"{stage}/{name}": value for stage in ("val", "train", "test") for name, value in last.items()}
    metrics |= {"test/naive_loss": 2.3026, "test/naive_accuracy": 0.1}
    return {
        "status": status,
        "metrics": metrics if status == "completed" else {},
        "higher_is_better": {"loss": False, "accuracy": True},
        "overrides": overrides,
        "choices": choices,
        "seed": seed,
        "steps": 36 * EPOCHS,
        "epochs": EPOCHS,
        "parameters": 15210,
        "input_shape": [40, 1],
        "seconds": {"startup": 3.1, "fit": 5.2, "test": 0.1, "total": 8.4},
        "checkpoint": {"best": "checkpoints/best.ckpt", "last": "checkpoints/last.ckpt", "tested": "best"},
        "settings": 64 * "0",
        "code": 64 * "0",
        "engine": {"version": "0.1.0", "edited": []},
        "data_files": {},
        "warnings": ["val/loss was still falling when the training ended: the run was cut short"][: seed % 2],
        "git": {"commit": 40 * "0", "dirty": False},
        "versions": {"python": "3.11.7", "torch": "2.13.0", "lightning": "2.6.6", "numpy": "2.4.6"},
        "hardware": {"accelerator": "cpu", "devices": 1, "precision": "32-true", "threads": 1},
        "error": None if status == "completed" else "ValueError: a synthetic failure",
    }
