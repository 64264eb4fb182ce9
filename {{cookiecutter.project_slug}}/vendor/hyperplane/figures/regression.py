"""Regression: the line or the surface that a model draws through the points, and what it leaves over."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from .style import FIT_COLOR, PANEL, STAGES, new_figure, thinned, widened

LINE_POINTS = 300  # at which a model of one feature is asked
GRID_POINTS = 60  # per axis, at which a model of two features is asked
MOST_NAMES = 32  # of targets along an axis; more cannot be read
LONGEST_NAME = 20  # letters
LOWEST_R2 = -1.0  # that is drawn; a diverged target would flatten all others
TRAIN, TEST = STAGES["train"]["color"], STAGES["test"]["color"]

Function = Callable[[NDArray[Any]], NDArray[Any]]
Part = tuple[NDArray[Any], NDArray[Any]]  # features (N, D) and target (N,)


def rmse(errors: NDArray[Any]) -> float:
    """Return the root of the mean square of `errors`, in their units."""
    return float(np.sqrt(np.mean(np.square(errors, dtype=float))))


def fitted_line(predict: Function, train: Part, test: Part, feature: str, target: str) -> Figure:
    """What a model of one feature predicts, through the points, in a band of one RMSE over the training points.

    `predict` maps features (N, 1) to predictions (N,) in the units of the target; of each part there are features (N,
    1) and target (N,).
    """
    figure = new_figure(*PANEL)
    axes = figure.add_subplot()
    seen = np.concatenate([train[0], test[0]])
    x = np.linspace(seen.min(), seen.max(), LINE_POINTS).astype(seen.dtype)[:, None]
    y = predict(x)
    spread = rmse(train[1] - predict(train[0]))
    for (features, values), color, marker, label in ((train, TRAIN, "o", "train"), (test, TEST, "^", "test")):
        few = thinned(len(values))
        axes.scatter(features[few, 0], values[few], 10, color, marker=marker, alpha=0.5, linewidths=0, label=label)
    axes.fill_between(x[:, 0], y - spread, y + spread, color=FIT_COLOR, alpha=0.2, linewidth=0, label="± train RMSE")
    axes.plot(x[:, 0], y, color=FIT_COLOR, linewidth=2, label="model")
    axes.set(xlabel=feature, ylabel=target)
    axes.set_title(f"Model through the points, residual spread ± {spread:#.3g}", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure


def fitted_surface(predict: Function, train: Part, test: Part, features: Sequence[str], target: str) -> Figure:
    """What a model of two features predicts: as a surface with the test points around it, and as a map of heights.

    `predict` maps features (N, 2) to predictions (N,) in the units of the target; of each part there are features (N,
    2) and target (N,).
    """
    seen = np.concatenate([train[0], test[0]])
    axis = [np.linspace(seen[:, i].min(), seen[:, i].max(), GRID_POINTS) for i in (0, 1)]
    x, y = np.meshgrid(*axis)
    z = predict(np.stack([x, y], axis=-1).reshape(-1, 2).astype(seen.dtype)).reshape(x.shape)
    heights = np.concatenate([train[1], test[1]])
    low, high = widened(float(np.nanmin(heights)), float(np.nanmax(heights)))
    scale: dict[str, Any] = {"vmin": low, "vmax": high, "cmap": "viridis"}

    figure = new_figure(2 * PANEL[0], 4.2)
    figure.suptitle(f"Model of {target} over {features[0]} and {features[1]}", fontsize=11)
    space: Any = figure.add_subplot(1, 2, 1, projection="3d")
    space.plot_surface(x, y, z, alpha=0.6, linewidth=0, **scale)
    few = thinned(len(test[1]))
    at, values = test[0][few], test[1][few]
    for point, *ends in zip(at, predict(at), values, strict=True):  # from the surface up or down to the point
        space.plot([point[0]] * 2, [point[1]] * 2, ends, color="black", linewidth=0.6)
    space.scatter(at[:, 0], at[:, 1], values, s=10, color="black", depthshade=False)
    space.set(xlabel=features[0], ylabel=features[1], zlabel=target)
    space.view_init(elev=25, azim=downhill(z) + 10)  # from below, where an inclined surface is not seen edge-on
    space.set_box_aspect(None, zoom=0.88)  # the layout does not know how far its labels reach
    space.set_title("test points, joined to the surface by their residuals", fontsize=9)

    axes = figure.add_subplot(1, 2, 2)
    axes.contourf(x, y, z, levels=np.linspace(low, high, 15), extend="both", cmap=scale["cmap"])
    for points, targets, marker, edge in ((*train, "o", "white"), (*test, "^", "black")):
        few = thinned(len(targets))
        style: dict[str, Any] = {"marker": marker, "edgecolors": edge, "linewidths": 0.4, **scale}
        drawn = axes.scatter(points[few, 0], points[few, 1], 24, targets[few], **style)
    figure.colorbar(drawn, ax=axes, label=target)
    axes.set(xlabel=features[0], ylabel=features[1])
    axes.set_title("colour: prediction, and in the points the true value (● train, ▲ test)", fontsize=9)
    return figure


def downhill(z: NDArray[Any]) -> float:
    """Return the diagonal, in degrees, along which heights (rows along y, columns along x) fall most on average."""
    along_y, along_x = (float(np.mean(slope)) for slope in np.gradient(np.nan_to_num(z)))
    return math.degrees(math.atan2(-1 if along_y > 0 else 1, -1 if along_x > 0 else 1))


def r2_by_target(predicted: NDArray[Any], true: NDArray[Any], targets: Sequence[str]) -> Figure:
    """R² of each target, in their order: 1 is perfect, 0 as good as the mean of the test samples, below 0 is worse.

    Both are (N, K, ...), in the units of the targets.
    """
    samples = tuple(axis for axis in range(true.ndim) if axis != 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        r2 = 1 - np.mean(np.square(predicted - true, dtype=float), axis=samples) / np.var(
            true, axis=samples, dtype=float
        )
    known = np.flatnonzero(np.isfinite(r2))
    shown = np.clip(r2, LOWEST_R2, 1)
    figure = new_figure(2 * PANEL[0], PANEL[1])
    axes = figure.add_subplot()
    axes.bar(known, shown[known], color=TRAIN)
    below = known[r2[known] < LOWEST_R2]
    if len(below):
        label = f"below {LOWEST_R2:g}"
        axes.scatter(below, shown[below], 30, FIT_COLOR, marker="v", clip_on=False, zorder=3, label=label)
        axes.legend(fontsize=8)
    axes.axhline(0, color="black", linewidth=0.8)
    every = math.ceil(len(r2) / MOST_NAMES)
    names = [name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…" for name in targets]
    axes.set_xticks(
        range(0, len(r2), every), names[::every], rotation=60, ha="right", rotation_mode="anchor", fontsize=8
    )
    axes.set_xlim(-0.6, len(r2) - 0.4)
    axes.set_ylabel("R² on the test samples")
    axes.set_axisbelow(True)
    axes.grid(axis="y", alpha=0.3)
    unknown = "" if len(known) == len(r2) else f"{len(known)} of "  # a constant target, or a diverged prediction
    title = f"R² of {unknown}{len(r2)} targets on {len(true)} test samples"
    if len(known):
        axes.set_ylim(min(0.0, shown[known].min()), 1)
        worst = known[r2[known].argmin()]
        title += f": median {np.median(r2[known]):.3g}, lowest {r2[worst]:.3g} ({names[worst]})"
    axes.set_title(title, fontsize=10)
    return figure


def residuals(predicted: NDArray[Any], true: NDArray[Any], target: str) -> Figure:
    """How far predictions (N,) are from true values (N,), both in the units of `target`, its name and unit."""
    figure = new_figure(2 * PANEL[0], PANEL[1])
    finite = np.isfinite(predicted) & np.isfinite(true)
    predicted, true = predicted[finite].astype(float), true[finite].astype(float)
    errors = predicted - true
    scatter, histogram = figure.subplots(1, 2)
    if len(errors):
        figure.suptitle(f"Residuals on {len(errors)} test samples: mean {errors.mean():#.3g}, RMSE {rmse(errors):#.3g}")
        few = thinned(len(errors))
        scatter.scatter(true[few], predicted[few], 14, TRAIN, alpha=0.6, linewidths=0)
        ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
        scatter.plot(ends, ends, color="black", linestyle="--", linewidth=1, label="predicted = true")
        scatter.legend(fontsize=8)
        bins, span = min(30, max(5, len(errors) // 5)), widened(errors.min(), errors.max())
        histogram.hist(errors, bins, range=span, color=TRAIN, edgecolor="white", linewidth=0.5)
    else:
        figure.suptitle("Residuals: no prediction is finite")
    histogram.axvline(0, color="black", linestyle="--", linewidth=1)
    scatter.set_xlabel(f"true {target}", fontsize=9)
    scatter.set_ylabel(f"predicted {target}", fontsize=9)
    histogram.set_xlabel(f"predicted − true, {target}", fontsize=9)
    histogram.set_ylabel("test samples", fontsize=9)
    scatter.grid(alpha=0.3)
    return figure
