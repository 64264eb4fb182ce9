"""A metric over two settings: a cell for each pair of values."""

import math
from itertools import product

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .drawing import BEST, axis_label, colours, in_words, png, shortened
from .results import Results, Row
from .spelling import numbers_first
from .table import format_number

MOST_CELLS = 30  # along a side
LONGEST_TICK = 24  # characters
LEVEL = 5  # characters that fit under a cell; longer labels are turned


def fits_heat_map(results: Results) -> bool:
    """Whether there are two settings whose pairs of values are few enough and mostly there."""
    sides = [len({row.settings[key] for row in results.rows}) for key in results.settings]
    return len(sides) == 2 and max(sides) <= MOST_CELLS and math.prod(sides) <= 2 * len(results.rows)


def draw_heat_map(results: Results, metric: str, direction: bool | None, means: list[tuple[Row, float]]) -> bytes:
    """A PNG of the means, dark where they are good, with a frame around the best of each data set."""
    values = {key: sorted({row.settings[key] for row in results.rows}, key=numbers_first) for key in results.settings}
    upward, rightward = sorted(values, key=lambda key: len(values[key]))  # the setting with more values lies

    def cell(row: Row) -> tuple[int, int]:
        return values[upward].index(row.settings[upward]), values[rightward].index(row.settings[rightward])

    grid = np.full((len(values[upward]), len(values[rightward])), math.nan)
    for row, mean in means:
        grid[cell(row)] = mean
    height, width = grid.shape
    turned = max(map(len, values[rightward])) > LEVEL
    figure = Figure(figsize=(max(6.0, 3.0 + 0.7 * width), 2.2 + 0.5 * height + turned), dpi=130, layout="constrained")
    axes = figure.subplots()
    colormap, norm = colours(direction, [mean for _, mean in means])
    image = axes.pcolormesh(grid, cmap=colormap, norm=norm, edgecolors="white", linewidth=1.5)
    for y, x in product(range(height), range(width)):
        there = math.isfinite(grid[y, x])
        color = "white" if there and sum(colormap(norm(grid[y, x]))[:3]) < 1.6 else "black"
        text = format_number(metric, grid[y, x], digits=3) if there else "–"
        axes.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=8, color=color)
    for row in results.best:
        y, x = cell(row)
        axes.add_patch(Rectangle((x, y), 1, 1, fill=False, edgecolor=BEST, linewidth=2.5, clip_on=False, zorder=3))
    labels = {key: [shortened(value, LONGEST_TICK) for value in found] for key, found in values.items()}
    axes.set_xticks(np.arange(width) + 0.5, labels[rightward], parse_math=False)
    axes.set_yticks(np.arange(height) + 0.5, labels[upward], parse_math=False)
    for tick in axes.get_xticklabels() if turned else []:
        tick.set(rotation=30, rotation_mode="anchor", horizontalalignment="right")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel(rightward, parse_math=False)
    axes.set_ylabel(upward, parse_math=False)
    figure.colorbar(image, ax=axes).set_label(axis_label(metric), parse_math=False)
    framed = ", the best framed" if results.best else ""
    figure.suptitle(f"Mean {in_words(metric)} by setting{framed}", fontsize=11, parse_math=False)
    return png(figure)
