"""What the tests of stacks share: what sweeps left, by either launcher."""

import csv
import json
from pathlib import Path
from typing import Any

import torch


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
