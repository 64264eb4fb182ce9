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
    return {
        "box": [round(value, 5) for value in (place.x0, 1 - place.y1, place.x1, 1 - place.y0)],
        "x": list(axes.get_xlim()),
        "y": list(axes.get_ylim()),
        "log": axes.get_yscale() == "log",
        "unit": axes.get_xlabel(),
        "lines": [[line.name, line.color, rounded(line.points)] for line in list(lines)[:MOST_LINES]],
    }


def rounded(points: np.ndarray) -> list[list[float]]:
    """Return some of the points, the last one included, without those that are not finite, to a few digits."""
    kept = points[:: -max(1, math.ceil(len(points) / MOST_POINTS))][::-1]
    finite = kept[np.isfinite(kept).all(axis=1)]
    return [[x, float(f"{y:.{DIGITS}g}")] for x, y in finite.tolist()]


def as_text(panels: list[dict[str, Any]]) -> str:
    """Return panels as JSON without blanks."""
    return json.dumps(panels, separators=(",", ":"), allow_nan=False)
