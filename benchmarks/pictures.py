"""Pictures of what was measured: ratios beside their goals, and how cost grows."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from measuring import Found, Panel, Row, figures_of, quartiles, ratios

# Okabe and Ito's colours, which colour-blind readers can tell apart; markers differ as well.
OURS, GOAL, USUAL = "#0072B2", "#000000", "#D55E00"
CURVES = (("#0072B2", "o", "-"), ("#D55E00", "s", "--"), ("#009E73", "D", ":"))
DPI = 110
SHORT = {
    "step-mlp": "training step, MLP",
    "step-linear": "training step, linear",
    "step-cnn": "training step, CNN",
    "step-gru": "training step, GRU",
    "cold-start": "run of one step, cold",
    "job": "further job of a sweep",
    "memory": "peak memory",
    "help": "train --help",
    "cfg": "train --cfg job",
    "completion": "tab completion",
    "bake": "baking a project",
    "report": "report on 1000 runs",
}


def draw_goals(rows: Sequence[Row], results: Found, path: Path) -> None:
    """Draw each row's median and quartiles, its goal and the usual template."""
    times, seconds = ([row for row in rows if row.unit == unit] for unit in ("x", "s"))
    kinds = [(part, label) for part, label in ((times, "times the yardstick"), (seconds, "seconds")) if part]
    if not kinds:
        return
    heights = [len(part) + 1.2 for part, _ in kinds]
    figure = Figure(figsize=(7.6, 0.36 * sum(heights) + 0.9), dpi=DPI, layout="constrained")
    panels = figure.subplots(len(kinds), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, (part, label) in zip(panels, kinds, strict=True):
        draw_rows(axes, part, results)
        axes.set_xlabel(label + " (logarithmic)")
    panels[0].axvline(1, color="0.6", linewidth=0.8, zorder=0)
    figure.suptitle(
        "What this project costs: median and quartiles, the goal, and the usual Lightning template", fontsize=10
    )
    handles = dict(pair for axes in panels for pair in zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    figure.savefig(path, format="png", pil_kwargs={"optimize": True})


def draw_rows(axes: Axes, rows: Sequence[Row], results: Found) -> None:
    """Draw rows from top to bottom."""
    for y, row in enumerate(rows):
        figures = figures_of(results[row.name])
        values = figures.results(row.unit)
        low, high = quartiles(values)
        middle = median(values)
        axes.plot([low, high], [y, y], color=OURS, linewidth=3, alpha=0.5)
        axes.plot(middle, y, "o", color=OURS, markersize=7, label="this project")
        axes.plot(row.goal, y, "|", color=GOAL, markersize=16, markeredgewidth=2, label="goal, at most")
        usual = row.usual
        if figures.usual:
            measured = ratios(figures.usual, figures.yardstick) if row.unit == "x" else figures.usual
            usual = quartiles(measured)
        if usual:
            axes.plot(usual, [y, y], color=USUAL, linewidth=2, alpha=0.5)
            axes.plot(sum(usual) / 2, y, "D", color=USUAL, markersize=6, fillstyle="none", label="usual template")
        axes.annotate(f"{middle:.2f}", (middle, y), (0, 7), textcoords="offset points", ha="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [SHORT.get(row.name, row.name) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "235" else "")
    axes.tick_params(labelsize=9, which="both")
    axes.grid(axis="x", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)


def draw_growth(panels: Sequence[Panel], results: Found, path: Path) -> None:
    """Draw a panel for each way to grow."""
    if not panels:
        return
    columns = min(3, len(panels))
    lines = -(-len(panels) // columns)
    figure = Figure(figsize=(3.7 * columns, 3.1 * lines), dpi=90, layout="constrained")  # small: there are many
    grid: list[Any] = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes, panel in zip(grid, panels, strict=False):
        for (name, curve), (color, marker, line) in zip(results[panel.name]["curves"].items(), CURVES, strict=False):
            xs = [int(x) for x in curve]
            ys = [median(values) for values in curve.values()]
            axes.plot(xs, ys, color=color, marker=marker, linestyle=line, markersize=5, label=name)
        axes.set(xscale="log", yscale="log", xlabel=panel.across, ylabel=panel.along)
        axes.set_title(panel.what, fontsize=8.5)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:.0e}"[0] in "25" else "")
        axes.tick_params(labelsize=8, which="both")
        axes.grid(color="0.9")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(fontsize=8, frameon=False)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    figure.savefig(path, format="png", pil_kwargs={"optimize": True})
