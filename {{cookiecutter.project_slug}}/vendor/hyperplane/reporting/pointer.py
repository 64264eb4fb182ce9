"""What the page says of the point under the pointer: where a panel lies in its picture, and the values of its lines."""

import json
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

MOST_LINES = 100  # of a panel
MOST_POINTS = 200  # of a line
DIGITS = 5


class Line(NamedTuple):
    """A line that the pointer can meet: its name, its colour, its points (points, 2)."""

    name: str
    color: str
    points: np.ndarray


def panel(axes: Axes, lines: Iterable[Line]) -> dict[str, Any]:
    """Return what the page needs of a panel, after the figure was drawn.

    Returns:
        `box`: left, top, right and bottom, as fractions of the picture; `x` and `y`: the ends of the axes; `log`:
        whether that of y is logarithmic; `unit`: what x counts; `lines`: name, colour and points of each.
    """
    place = axes.get_position()
    shown = list(lines)[:MOST_LINES]
    every = max(1, math.ceil(max((len(line.points) for line in shown), default=0) / MOST_POINTS))
    return {
        "box": [round(value, 5) for value in (place.x0, 1 - place.y1, place.x1, 1 - place.y0)],
        "x": list(axes.get_xlim()),
        "y": list(axes.get_ylim()),
        "log": axes.get_yscale() == "log",
        "unit": axes.get_xlabel(),
        "lines": [[line.name, line.color, rounded(line.points, every)] for line in shown],
    }


def rounded(points: np.ndarray, every: int) -> list[list[float]]:
    """Return some of the points and the last one, without those that are not finite, to a few digits.

    Counted from the start, so that the lines of a panel have theirs at the same places, however long each is.
    """
    kept = np.concatenate([points[:-1:every], points[-1:]])
    finite = kept[np.isfinite(kept).all(axis=1)]
    return [[x, float(f"{y:.{DIGITS}g}")] for x, y in finite.tolist()]


def as_text(panels: list[dict[str, Any]]) -> str:
    """Return panels as JSON without blanks."""
    return json.dumps(panels, separators=(",", ":"), allow_nan=False)
