"""What the tests of stacks share: sweeps in this process, by either launcher, and what they left."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hyperplane.stacking import launching

HOW = ("tracking=none", "figures=false", "hardware=cpu", "hardware.threads=1")


@pytest.fixture
def sweep(command, monkeypatch):
    """`sweep("stacked", "seed=0,1")` runs a multirun by that launcher, in this process; returns its folder.

    `sweep.said` is what it wrote to the terminal.
    """
    monkeypatch.setattr(launching, "run_in_workers", lambda run, jobs, *_: [run(job) for job in jobs])

    def run(launcher: str, *words: str, name: str | None = None, status: int = 0) -> Path:
        done = command("train", "-m", *HOW, *words, f"hydra/launcher={launcher}", f"sweep={name or launcher}")
        assert done.status == status, done.stderr
        run.said = done.stderr
        return Path("runs/sweeps") / (name or launcher)

    return run


def members(folder: Path) -> dict[str, Path]:
    """The run folders of a sweep, by their names."""
    return {path.parent.parent.name: path.parent.parent for path in sorted(folder.glob("*/.hydra/config.yaml"))}


def summary(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text())


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def losses(folder: Path, name: str = "train/loss") -> list[float]:
    return [float(row[name]) for row in rows(folder) if row[name]]


def checkpoint(folder: Path, name: str = "last") -> dict[str, Any]:
    return torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)


def distance(one: Path, other: Path, name: str = "last") -> float:
    """The largest difference between the weights of two runs."""
    ours, theirs = (checkpoint(folder, name)["state_dict"] for folder in (one, other))
    assert list(ours) == list(theirs)
    return max(float((ours[key] - theirs[key]).abs().max()) for key in ours)


def layout(value: Any) -> Any:
    """What a checkpoint holds: names, types and shapes, in their order, whatever the numbers."""
    if isinstance(value, dict):
        return {key: layout(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [layout(item) for item in value]
    return (tuple(value.shape), value.dtype) if isinstance(value, torch.Tensor) else type(value)
