"""What all figures share: colours, sizes, and how they are written. Drawn with matplotlib's object interface."""

import math
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..whole_file import whole_file
from .fonts import say_boxes

# Okabe and Ito's colours, which colour-blind readers can tell apart; stages also differ in line style and marker.
CLASS_COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442"]
STAGES: dict[str, dict[str, Any]] = {
    "train": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "val": {"color": "#D55E00", "linestyle": "--", "marker": "s"},
    "test": {"color": "#000000", "linestyle": ":", "marker": "D"},
}
FIT_COLOR = "#D55E00"  # of the line that a model draws through points
PANEL = (4.8, 3.6)  # inches, width and height of one panel
DPI = 120
MOST_POINTS = 5000  # drawn of a part of the data; more take seconds, and hide each other


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches."""
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def thinned(count: int) -> slice:
    """Return which of `count` points to draw: every n-th, so that at most MOST_POINTS are left."""
    return slice(None, None, max(1, math.ceil(count / MOST_POINTS)))


def widened(low: float, high: float) -> tuple[float, float]:
    """Return two ends with room between them, of any size: beyond 2**53, a number stays equal where 1 is added."""
    size = max(abs(low), abs(high)) or 1.0
    return (low, high) if high - low > 1e-9 * size else (low - 0.05 * size, high + 0.05 * size)


def save(figures: dict[str, Figure], folder: Path) -> dict[str, Path]:
    """Write each figure to `<folder>/figures/<name>.png` and return the paths by name."""
    target = folder / "figures"
    target.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, figure in figures.items():
        path = target / f"{name}.png"
        say_boxes(figure)
        with whole_file(path) as partial:
            figure.savefig(partial, format="png", dpi=DPI)
        paths[name] = path
    return paths
