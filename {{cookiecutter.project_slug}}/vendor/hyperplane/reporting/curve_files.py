"""Read the learning curves of many runs from their `metrics.csv`, also while these are being written."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .summaries import ReportedRun

Curve = np.ndarray  # (points, 3): epochs and steps that were trained, and the value after them
FILE = "metrics.csv"
STAGES = ("val", "train")  # the first that a run measured is its curve


def read_curves(runs: Iterable[ReportedRun], metrics: Iterable[str]) -> tuple[dict[str, dict[Path, Curve]], list[Path]]:
    """The curves of `metrics`, such as accuracy, by name and folder; and the files that were changed since.

    Only the file of a completed run can be told to have changed: that of another one may grow when it goes on.

    Returns:
        curves such as `{"val/accuracy": {folder: curve}}`, on validation data where a run measured them; paths.
    """
    curves: dict[str, dict[Path, Curve]] = {f"{stage}/{metric}": {} for metric in metrics for stage in STAGES}
    changed = []
    for run in runs:
        try:
            content = (run.folder / FILE).read_bytes()
        except OSError:
            continue
        expected = run.curves if run.status == "completed" else ""
        if expected and hashlib.sha256(content).hexdigest() != expected:
            changed.append(run.folder / FILE)
            continue
        for name, curve in parse_curves(content, metrics).items():
            curves[name][run.folder] = curve
    return curves, changed


def parse_curves(content: bytes, metrics: Iterable[str]) -> dict[str, Curve]:
    """A column of a `metrics.csv` for each metric. What is not a whole line of numbers is passed over."""
    header, *lines = content.decode(errors="replace").split("\n")
    columns = header.strip().split(",")
    if columns[:2] != ["epoch", "step"]:
        return {}
    found = [[f"{stage}/{metric}" for stage in STAGES if f"{stage}/{metric}" in columns] for metric in metrics]
    places = {names[0]: columns.index(names[0]) for names in found if names}
    points: dict[str, list[tuple[float, float, float]]] = {name: [] for name in places}
    for line in lines[:-1]:  # what follows the last line break is nothing, or half a line
        cells = line.rstrip("\r").split(",")
        if len(cells) != len(columns):
            continue
        for name, place in places.items():
            if cells[place]:
                try:
                    points[name].append((float(cells[0]) + 1, float(cells[1]) + 1, float(cells[place])))
                except ValueError:
                    continue
    return {name: np.array(values) for name, values in points.items() if values}
