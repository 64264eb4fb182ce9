"""A metric over many settings: an axis for each, and a line for each combination that was tried."""

import math

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from .drawing import BEST, axis_label, colours, in_words, is_log, limits, png, shortened
from .results import Results, Row
from .spelling import as_number, numbers_first

MOST_AXES = 10
LONGEST_TICK = 16  # characters
CLOSEST = 0.06  # of the height: labels that are closer would overlap, so one is left out
SPREAD = 0.05  # of the height: how far apart rows that share a value cross its axis
MANY = 50  # lines, from which on they are drawn thinner


def draw_parallel_coordinates(
    results: Results, metric: str, direction: bool | None, means: list[tuple[Row, float]]
) -> bytes:
    """A PNG: the settings from left to right, then the metric; good lines are dark and lie on top."""
    keys = results.settings[:MOST_AXES]
    figure = Figure(figsize=(2.4 + 1.5 * len(keys), 4.8), dpi=130, layout="constrained")
    axes = figure.subplots()
    means = sorted(means, key=lambda pair: pair[1], reverse=direction is False)  # the best is drawn last
    columns = [draw_axis(axes, x, [row.settings[key] for row, _ in means]) for x, key in enumerate(keys)]
    columns.append(draw_metric_axis(axes, metric, direction, [mean for _, mean in means]))
    lines = [list(enumerate(line)) for line in zip(*columns, strict=True)]
    colormap, norm = colours(direction, [mean for _, mean in means])
    colors = [colormap(norm(mean)) for _, mean in means]
    thin = len(lines) > MANY
    axes.add_collection(
        LineCollection(lines, colors=colors, linewidths=0.9 if thin else 1.6, alpha=0.7, zorder=2, clip_on=False)
    )
    best = [line for line, (row, _) in zip(lines, means, strict=True) if results.is_best(row)]
    axes.add_collection(LineCollection(best, colors=BEST, linewidths=2.5, zorder=3, clip_on=False))
    axes.set_xlim(-0.4, len(keys))
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.set_xticks(range(len(keys)), [in_lines(key) for key in keys], parse_math=False)
    axes.tick_params(axis="x", length=0, pad=8)
    axes.spines[:].set_visible(False)
    title = f"Mean {in_words(metric)} of {len(lines)} settings, dark is {'high' if direction is None else 'good'}"
    title += ", orange the best" if best else ""
    title += f"; {len(keys)} of {len(results.settings)} parameters" if len(keys) < len(results.settings) else ""
    figure.suptitle(title, fontsize=11, parse_math=False)
    return png(figure)


def draw_axis(axes: Axes, x: int, of_rows: list[str]) -> list[float]:
    """Draw the axis of a setting at `x`; return at which height, about in [0, 1], each row crosses it.

    Numbers lie where their size, or its logarithm, puts them; everything else is spread evenly.
    """
    values = sorted(set(of_rows), key=numbers_first)
    numbers = [number for number in map(as_number, values) if number is not None]
    if len(values) == 1:
        heights = {values[0]: 0.5}
    elif len(numbers) == len(values) and max(numbers) > min(numbers):
        heights = dict(zip(values, heights_of(numbers), strict=True))
    else:
        heights = {value: i / (len(values) - 1) for i, value in enumerate(values)}
    axes.axvline(x, color="0.4", linewidth=0.8, zorder=1)
    last = -math.inf
    for value, height in heights.items():
        if height - last >= CLOSEST:
            last = height
            axes.plot([x], [height], "_", color="0.4", markersize=6, zorder=1, clip_on=False)
            written = f"{float(value):.3g}" if as_number(value) is not None else shortened(value, LONGEST_TICK)
            text = axes.text(x - 0.05, height, written, ha="right", va="center", fontsize=8)
            text.set(zorder=4, parse_math=False)
            text.set_bbox({"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 0.8})
    if len(values) == len(of_rows):
        return [heights[value] for value in of_rows]
    # Of rows that share a value the later ones cross higher, so that none hides another.
    step = SPREAD / (len(of_rows) - 1)
    return [heights[value] - SPREAD / 2 + step * rank for rank, value in enumerate(of_rows)]


def draw_metric_axis(axes: Axes, metric: str, direction: bool | None, means: list[float]) -> list[float]:
    """Give the metric the right edge as its axis; return the height of each mean, cut off at the axis' ends."""
    right = axes.twinx()
    low, high = limits(direction, means)
    right.set_ylim(low, high)
    if is_log(means):
        right.set_yscale("log")
    right.set_ylabel(axis_label(metric), parse_math=False)
    right.spines[["top", "left", "bottom"]].set_visible(False)
    return heights_of([min(max(mean, low), high) for mean in [*means, low, high]])[:-2]


def heights_of(numbers: list[float]) -> list[float]:
    """Map `numbers`, or their logarithms where they span orders of magnitude, to [0, 1]."""
    sizes = [math.log(number) for number in numbers] if is_log(numbers) else numbers
    low, high = min(sizes), max(sizes)
    return [(size - low) / (high - low) for size in sizes]


def in_lines(key: str) -> str:
    """`optimizer.weight_decay` under its axis: the group above the name."""
    group, _, name = key.rpartition(".")
    return f"{shortened(group, 20)}.\n{shortened(name, 20)}" if group else shortened(name, 20)
