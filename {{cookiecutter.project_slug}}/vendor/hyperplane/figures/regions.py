"""Decision regions: what classifiers of two features predict in the plane, one alone or several side by side."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from .style import CLASS_COLORS, new_figure, thinned

GRID_POINTS = 200  # per axis, at which a model is asked
SUPPORT_LABEL = "support vectors"

Function = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class LabelledPoints:
    """Points (N, 2) of the training part and (M, 2) of the test part, and their classes 0 to C - 1, (N,) and (M,).

    `feature_names` are two, with units; `class_names` are C.
    """

    points: NDArray[Any]
    labels: NDArray[Any]
    test_points: NDArray[Any]
    test_labels: NDArray[Any]
    feature_names: Sequence[str]
    class_names: Sequence[str]

    def bounds(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the lower left and the upper right corner (2,) of a frame around all points."""
        seen = np.concatenate([self.points, self.test_points])
        low, high = seen.min(axis=0), seen.max(axis=0)
        frame = 0.08 * np.maximum(high - low, 1e-9)
        return low - frame, high + frame


@dataclass(frozen=True)
class Subplot:
    """A classifier among others: `predict` maps (N, 2) to probabilities (N, C)."""

    title: str
    predict: Function
    data: LabelledPoints


def decision_regions(
    predict: Function, data: LabelledPoints, decision: Function | None = None, support: NDArray[Any] | None = None
) -> Figure:
    """What a classifier of two features predicts in the plane.

    `predict` maps features (N, 2) to probabilities (N, C), and is called once. `decision`, of a support vector machine
    for two classes, maps them to f (N,): its hyperplane is f = 0, its margin lies between f = −1 and f = 1. `support`
    are the numbers of the training points that are support vectors.
    """
    figure = new_figure(5.8, 4.8)
    axes = figure.add_subplot()
    draw_regions(axes, predict, data)
    draw_points(axes, data)
    if support is not None:
        at = data.points[support]
        label = f"{SUPPORT_LABEL} ({len(at)} of {len(data.points)})"
        axes.scatter(at[:, 0], at[:, 1], 52, "none", edgecolors="black", linewidths=0.7, label=label)
    if decision is not None:
        draw_margin(axes, decision, data)
    axes.set(xlabel=data.feature_names[0], ylabel=data.feature_names[1])
    if decision is not None:
        axes.set_title("Decision regions: hyperplane f = 0, margin between f = −1 and f = 1", fontsize=10)
    else:
        boundary = "p = 0.5" if len(data.class_names) == 2 else "equal probability"
        axes.set_title(f"Decision regions: line at {boundary}, paler is less certain", fontsize=10)
    columns = min(4, len(data.class_names) + (support is not None) + (decision is not None))  # one for each class
    figure.legend(loc="outside lower center", ncols=columns, fontsize=7.5, columnspacing=1.0, handletextpad=0.4)
    return figure


def compare_regions(rows: Sequence[Sequence[Subplot]], title: str) -> Figure:
    """Draw the decision regions of several classifiers: a row per data set, which gives its panels the same axes."""
    columns = max(map(len, rows))
    figure = new_figure(2.7 * columns + 0.4, 2.6 * len(rows) + 0.7)
    figure.suptitle(title, fontsize=11)
    for i, row in enumerate(rows):
        for j, panel in enumerate(row):
            axes = figure.add_subplot(len(rows), columns, i * columns + j + 1)
            draw_regions(axes, panel.predict, panel.data)
            draw_points(axes, panel.data, size=7)
            axes.set_title(panel.title, fontsize=9)
            axes.set_xlabel(panel.data.feature_names[0], fontsize=8)
            is_alike = np.allclose(panel.data.bounds(), row[0].data.bounds())
            axes.tick_params(labelsize=7, labelleft=j == 0 or not is_alike)
            if j == 0:
                axes.set_ylabel(panel.data.feature_names[1], fontsize=8)
    return figure


def grid(data: LabelledPoints) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return x (W,), y (H,) and the points (H * W, 2) of a grid over all points."""
    low, high = data.bounds()
    x, y = (np.linspace(low[i], high[i], GRID_POINTS) for i in (0, 1))
    points = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(data.points.dtype)
    return x, y, points


def draw_regions(axes: Axes, predict: Function, data: LabelledPoints) -> None:
    """Colour the plane by the most probable class, and draw the lines where two are equally probable."""
    x, y, points = grid(data)
    probabilities = np.nan_to_num(predict(points)).reshape(GRID_POINTS, GRID_POINTS, -1)
    axes.imshow(region_colors(probabilities), extent=(x[0], x[-1], y[0], y[-1]), origin="lower", aspect="auto")
    # The boundary of a class is where its probability equals the largest other one; with two
    # classes that is p = 0.5, and the second class has the same boundary as the first.
    num_classes = probabilities.shape[-1]
    for c in range(1 if num_classes == 2 else num_classes):
        lead = probabilities[..., c] - np.delete(probabilities, c, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():
            axes.contour(x, y, lead, levels=[0.0], colors="black", linewidths=1.5)


def region_colors(probabilities: NDArray[Any]) -> NDArray[Any]:
    """(H, W, C) probabilities -> (H, W, 3) colours in steps of a tenth of the certainty."""
    num_classes = probabilities.shape[-1]
    winner = probabilities.argmax(axis=-1)
    # 0 where all classes are equally probable, 1 where one is certain
    certainty = (probabilities.max(axis=-1) * num_classes - 1) / max(num_classes - 1, 1)
    strength = 0.6 * np.ceil(10 * np.clip(certainty, 0, 1)) / 10
    palette = np.array([to_rgb(color) for color in CLASS_COLORS])
    return 1 - strength[..., None] * (1 - palette[winner % len(CLASS_COLORS)])


def draw_points(axes: Axes, data: LabelledPoints, size: float = 16) -> None:
    """Draw training points as discs and test points as triangles, in the colours of their classes."""
    parts = [
        ("train", data.points, data.labels, size, "o", "white"),
        ("test", data.test_points, data.test_labels, 1.5 * size, "^", "black"),
    ]
    for c, name in enumerate(data.class_names):
        color = CLASS_COLORS[c % len(CLASS_COLORS)]
        for part, points, labels, area, marker, edge in parts:
            at = points[labels == c]
            at = at[thinned(len(at))]
            width = 0.12 * math.sqrt(size)  # of the edge, in points
            style: dict[str, Any] = {"marker": marker, "edgecolors": edge, "linewidths": width}
            axes.scatter(at[:, 0], at[:, 1], area, color, label=f"{name}, {part}", **style)


def draw_margin(axes: Axes, decision: Function, data: LabelledPoints) -> None:
    """Draw where f = -1 and f = 1, dashed."""
    x, y, points = grid(data)
    f = np.nan_to_num(decision(points)).reshape(GRID_POINTS, GRID_POINTS)
    levels = [level for level in (-1.0, 1.0) if f.min() < level < f.max()]
    if levels:
        axes.contour(x, y, f, levels=levels, colors="black", linewidths=1, linestyles="dashed")
    axes.add_line(Line2D([], [], color="black", linewidth=1.5, label="hyperplane f = 0"))
    axes.add_line(Line2D([], [], color="black", linewidth=1, linestyle="--", label="margin f = ±1"))
