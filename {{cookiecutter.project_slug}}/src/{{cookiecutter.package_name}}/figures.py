"""Figures of a run, drawn from plain arrays with matplotlib's object interface (no display)."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Style, for every figure. The colours are Okabe and Ito's, which colour-blind readers can tell
# apart (jfly.uni-koeln.de/color); stages also differ in line style and marker.
CLASS_COLORS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442"]
STAGES: dict[str, dict[str, Any]] = {
    "train": {"color": "#0072B2", "linestyle": "-", "marker": "o"},
    "val": {"color": "#D55E00", "linestyle": "--", "marker": "s"},
    "test": {"color": "#000000", "linestyle": ":", "marker": "D"},
}
PANEL = (4.8, 3.6)  # inches, width and height of one panel
DPI = 120
FEW_POINTS = 25  # up to here each point of a curve gets a marker
LOG_RATIO = 30.0  # a positive curve that spans more than this factor is drawn on a log axis
GRID_POINTS = 200  # per axis, at which `decision_regions` asks the model

METRIC_LABELS = {
    "loss": "loss",
    "accuracy": "accuracy (fraction)",
    "rmse": "RMSE (units of the target)",
    "mae": "MAE (units of the target)",
    "r2": "R² (fraction)",
    "quantile_loss": "quantile loss (units of the target)",
}


def learning_curves(rows: list[dict[str, float]]) -> Figure:
    """Loss, and the first other metric there is, over epochs.

    Args:
        rows: As in metrics.csv: `epoch` (from 0) and metrics named `<stage>/<metric>`. The last
            test value is drawn as a level, since it belongs to the chosen checkpoint.
    """
    logged = {name.partition("/")[2] for row in rows for name in row if "/" in name}
    others = [metric for metric in METRIC_LABELS if metric in logged and metric != "loss"]
    metrics = (["loss"] if "loss" in logged else []) + others[:1]
    panels = max(1, len(metrics))
    figure = _figure(panels * PANEL[0], PANEL[1])
    figure.suptitle("Learning curves")
    all_axes = [figure.add_subplot(1, panels, i + 1) for i in range(panels)]
    for axes, metric in zip(all_axes, metrics, strict=False):
        _learning_curve(axes, rows, metric)
    return figure


def _learning_curve(axes: Axes, rows: list[dict[str, float]], metric: str) -> None:
    drawn: list[float] = []
    for stage in ("train", "val"):
        name = f"{stage}/{metric}"
        # Row `epoch` 0 holds what was measured after the first pass over the data.
        epochs = [row["epoch"] + 1 for row in rows if name in row]
        values = [row[name] for row in rows if name in row]
        if not values:
            continue
        style = dict(STAGES[stage])
        if len(values) > FEW_POINTS:
            style.pop("marker")
        axes.plot(epochs, values, label=stage, markersize=4, **style)
        drawn += values
    test = [row[f"test/{metric}"] for row in rows if f"test/{metric}" in row]
    if test:
        style = {**STAGES["test"], "label": f"test ({test[-1]:#.3g})"}
        axes.axhline(test[-1], color=STAGES["test"]["color"], linestyle=":", linewidth=1)
        right = axes.get_yaxis_transform()  # x in fractions of the axes, y in data
        axes.plot([1], [test[-1]], transform=right, clip_on=False, markersize=6, **style)
        drawn.append(test[-1])
    finite = [value for value in drawn if math.isfinite(value)]
    if finite and min(finite) > 0 and max(finite) / min(finite) > LOG_RATIO:
        axes.set_yscale("log")
    axes.set_xlabel("epochs trained")
    axes.set_ylabel(METRIC_LABELS.get(metric, metric))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.legend()


def confusion_matrix(counts: np.ndarray, class_names: Sequence[str]) -> Figure:
    """How often each true class was taken for which.

    Args:
        counts: (C, C) integers, rows are true classes, columns are predictions. Colours are
            fractions of the row; the counts are written into the cells up to 20 classes.
        class_names: C names, in the order of the rows.
    """
    num_classes = len(counts)
    total = int(counts.sum())
    right = int(np.trace(counts))
    fractions = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(10.0, max(4.4, 1.8 + 0.42 * num_classes))
    figure = _figure(side + 0.8, side)
    axes = figure.add_subplot()
    image = axes.imshow(fractions, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, ax=axes, label="fraction of the true class", shrink=0.8)
    if num_classes <= 20:
        for (i, j), fraction in np.ndenumerate(fractions):
            color = "white" if fraction > 0.5 else "black"
            axes.text(j, i, str(int(counts[i, j])), ha="center", va="center", color=color, fontsize=8)
    every = math.ceil(num_classes / 40)  # with very many classes, name only some
    ticks = range(0, num_classes, every)
    names = [str(class_names[i]) for i in ticks]
    long = max(map(len, names), default=0) > 3
    axes.set_xticks(ticks, names, rotation=45 if long else 0, ha="right" if long else "center")
    axes.set_yticks(ticks, names)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.set_title(f"Confusion matrix: {right} of {total} right ({right / max(total, 1):.1%})")
    return figure


def decision_regions(
    predict: Callable[[np.ndarray], np.ndarray],
    points: np.ndarray,
    labels: np.ndarray,
    feature_names: Sequence[str],
    class_names: Sequence[str],
    test_points: np.ndarray | None = None,
    test_labels: np.ndarray | None = None,
) -> Figure:
    """What a classifier of two features predicts in the plane.

    Args:
        predict: (N, 2) features -> (N, C) probabilities in [0, 1]; called once.
        points: (N, 2) training points.
        labels: (N,) their classes, 0 to C - 1.
        feature_names: Two names with units, for the axes.
        class_names: C names.
        test_points: (M, 2), drawn with another marker.
        test_labels: (M,) their classes.
    """
    seen = points if test_points is None else np.concatenate([points, test_points])
    low, high = seen.min(axis=0), seen.max(axis=0)
    margin = 0.08 * np.maximum(high - low, 1e-9)
    low, high = low - margin, high + margin
    x, y = (np.linspace(low[i], high[i], GRID_POINTS) for i in (0, 1))
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2).astype(points.dtype)
    probabilities = np.nan_to_num(predict(grid)).reshape(GRID_POINTS, GRID_POINTS, -1)

    figure = _figure(5.8, 4.6)
    axes = figure.add_subplot()
    extent = (low[0], high[0], low[1], high[1])
    axes.imshow(_region_colors(probabilities), extent=extent, origin="lower", aspect="auto")
    # The boundary of a class is where its probability equals the largest other one; with two
    # classes that is p = 0.5, and the second class has the same boundary as the first.
    num_classes = probabilities.shape[-1]
    for c in range(1 if num_classes == 2 else num_classes):
        lead = probabilities[..., c] - np.delete(probabilities, c, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():
            axes.contour(x, y, lead, levels=[0.0], colors="black", linewidths=1.5)
    sets = [("train", points, labels, 16, "o", "white")]
    if test_points is not None and test_labels is not None:
        sets.append(("test", test_points, test_labels, 24, "^", "black"))
    for c, name in enumerate(class_names):
        color = CLASS_COLORS[c % len(CLASS_COLORS)]
        for stage, at, of, size, marker, edge in sets:
            chosen = at[of == c]
            axes.scatter(
                chosen[:, 0],
                chosen[:, 1],
                size,
                color,
                marker=marker,
                edgecolors=edge,
                linewidths=0.5,
                label=f"{name}, {stage}",
            )
    axes.set_xlabel(feature_names[0])
    axes.set_ylabel(feature_names[1])
    boundary = "p = 0.5" if num_classes == 2 else "equal probability"
    axes.set_title(f"Decision regions: line at {boundary}, paler is less certain", fontsize=10)
    figure.legend(loc="outside lower center", ncols=4, fontsize=8)
    return figure


def _region_colors(probabilities: np.ndarray) -> np.ndarray:
    """(H, W, C) probabilities -> (H, W, 3) colours in steps of a tenth of the certainty."""
    num_classes = probabilities.shape[-1]
    winner = probabilities.argmax(axis=-1)
    # 0 where all classes are equally probable, 1 where one is certain
    certainty = (probabilities.max(axis=-1) * num_classes - 1) / max(num_classes - 1, 1)
    strength = 0.6 * np.ceil(10 * np.clip(certainty, 0, 1)) / 10
    palette = np.array([matplotlib.colors.to_rgb(color) for color in CLASS_COLORS])
    return 1 - strength[..., None] * (1 - palette[winner % len(CLASS_COLORS)])


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=DPI, layout="constrained")


def save(figures: dict[str, Figure], folder: Path) -> dict[str, Path]:
    """Write each figure to `<folder>/figures/<name>.png` and return the paths by name."""
    target = folder / "figures"
    target.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, figure in figures.items():
        path = target / f"{name}.png"
        beside = target / f".{name}.tmp"
        figure.savefig(beside, format="png", dpi=DPI)
        beside.replace(path)  # atomic: no reader ever sees half a picture
        paths[name] = path
    return paths
