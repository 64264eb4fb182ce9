"""Read the learning curves of many runs from their `metrics.csv`, also while these are being written."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from .summaries import Run

Curve = list[tuple[int, int, float]]  # epoch and step, both counted from 0, and the value after them
FILE = "metrics.csv"


def read_curves(runs: Iterable[Run], names: list[str]) -> tuple[dict[str, dict[Path, Curve]], list[Path]]:
    """For each metric the curves of the runs that have one, by folder; and the files that were changed since.

    Only the file of a completed run can be told to have changed: that of another one may grow when it goes on.
    """
    curves: dict[str, dict[Path, Curve]] = {name: {} for name in names}
    changed = []
    for run in runs:
        try:
            content = (run.folder / FILE).read_bytes()
        except OSError:
            continue
        expected = run.files.get(FILE) if run.status == "completed" else None
        if expected and hashlib.sha256(content).hexdigest() != expected:
            changed.append(run.folder / FILE)
            continue
        for name, curve in parse_curves(content, names).items():
            if curve:
                curves[name][run.folder] = curve
    return curves, changed


def parse_curves(content: bytes, names: list[str]) -> dict[str, Curve]:
    """Some columns of a `metrics.csv`. What is not a whole line of numbers is passed over."""
    header, *lines = content.decode(errors="replace").split("\n")
    columns = header.strip().split(",")
    if columns[:2] != ["epoch", "step"]:
        return {}
    places = {name: columns.index(name) for name in names if name in columns}
    curves: dict[str, Curve] = {name: [] for name in places}
    for line in lines[:-1]:  # what follows the last line break is nothing, or half a line
        cells = line.rstrip("\r").split(",")
        if len(cells) != len(columns):
            continue
        for name, place in places.items():
            if cells[place]:
                try:
                    curves[name].append((int(cells[0]), int(cells[1]), float(cells[place])))
                except ValueError:
                    continue
    return curves
