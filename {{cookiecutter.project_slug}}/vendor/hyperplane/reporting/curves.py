"""Learning curves of all jobs in one picture: a faint line for each job, a bold mean for each setting."""

import math
from collections import defaultdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .curve_files import STAGES, Curve, read_curves
from .direction import higher_is_better, without_stage
from .drawing import COLORS, axis_label, in_words, is_log, label, legend_of, on_the_scale, png, put_title
from .pointer import MOST_LINES, Line, panel
from .results import Results, Row
from .summaries import ReportedRun

OTHERS = "0.6"  # the grey of the settings that have no colour of their own
OTHERS_ON_PAGE = "#999999"  # the same grey, as a browser names it
MOST_POINTS = 300  # of a curve; more are not seen


class Curves(NamedTuple):
    """A picture of learning curves, what its panels show, for the page, and what is not in it."""

    picture: bytes | None
    panels: list[dict[str, Any]]
    remarks: list[str]


def draw_curves(results: Results) -> Curves:
    """A PNG with a panel for each metric asked for, on validation data where measured, and what is not in it.

    No picture without any curve. Of more settings than there are colours, the best on validation data are coloured (the
    first ones, where nothing says which are best) and the others grey.
    """
    metrics = list(dict.fromkeys(map(without_stage, results.metrics)))
    curves, changed = read_curves(results.runs, metrics)
    remarks = [f"{path} was changed after the run wrote it, so its curve is not drawn." for path in changed]
    first = (next((f"{stage}/{metric}" for stage in STAGES if curves[f"{stage}/{metric}"]), None) for metric in metrics)
    panels = {name: curves[name] for name in first if name}
    if not panels:
        return Curves(None, [], remarks)
    # Black, the last colour, would be lost in the grey of the others.
    coloured = results.rows if len(results.rows) <= len(COLORS) else results.ranked[: len(COLORS) - 1]
    width = max(7.0, 5.5 * len(panels))
    figure = Figure(figsize=(width, 4.0 + 0.2 * len(coloured)), dpi=130, layout="constrained")
    row = figure.subplots(1, len(panels), squeeze=False)[0]
    drawn = [draw_panel(axes, results, name, panels[name], coloured) for axes, name in zip(row, panels, strict=True)]
    put_title(figure, title(panels))
    legend = legend_of(figure)
    columns = 2 if max(map(len, legend)) < 6 * width else 1
    below = figure.legend(legend.values(), legend, loc="outside lower center", ncols=columns, frameon=False)
    for text in below.get_texts():
        text.set_parse_math(False)
    picture = png(figure)  # before the panels are asked for their place, which drawing gives them
    return Curves(picture, [panel(axes, lines) for axes, lines in zip(row, drawn, strict=True)], remarks)


def title(panels: dict[str, dict[Path, Curve]]) -> str:
    first = in_words(next(iter(panels)))
    jobs = max(map(len, panels.values()))
    text = f"{first[0].upper()}{first[1:]} of {jobs} run{'s' * (jobs != 1)} while they train; "
    return f"{text}bold: mean over a setting's completed runs, as far as all of them have come"


def draw_panel(axes: Axes, results: Results, name: str, curves: dict[Path, Curve], coloured: list[Row]) -> list[Line]:
    """Draw a metric, and return the mean of each setting, the coloured ones first."""
    # Several validations in one epoch are told apart by their steps only.
    by_epoch = all(len(np.unique(curve[:, 0])) == len(curve) for curve in curves.values())
    lines = {folder: curve[:, 0::2] if by_epoch else curve[:, 1:] for folder, curve in curves.items()}  # no copies
    colors = {id(row): color for row, color in zip(coloured, COLORS, strict=False)}
    groups: dict[str, list[np.ndarray]] = defaultdict(list)
    for row in sorted(results.rows, key=lambda row: id(row) in colors):  # grey lines lie below
        color = colors.get(id(row), OTHERS)
        groups[color] += [thinned(lines[run.folder]) for run in row.runs if run.folder in lines]
    faint = min(0.35, max(0.05, 30 / len(lines)))
    for color, segments in groups.items():
        axes.add_collection(LineCollection(segments, colors=color, linewidths=0.8, alpha=faint))
        points = [segment[0] for segment in segments if len(segment) == 1]
        if points:
            axes.plot(*np.array(points).T, "o", color=color, markersize=3, alpha=faint)
    shown = (coloured + [row for row in results.ranked if id(row) not in colors])[:MOST_LINES]
    means = [mean_curve([lines[run.folder] for run in members(row) if run.folder in lines]) for row in shown]
    for row, curve in reversed(list(zip(coloured, means, strict=False))):  # the best on top
        axes.plot(*thinned(curve).T, color=colors[id(row)], linewidth=2.2)
    for row in coloured:
        if any(run.folder in lines for run in row.runs):
            axes.plot([], [], color=colors[id(row)], linewidth=2.2, label=label(results, row))
    if len(coloured) < len(results.rows):
        less_good = ", less good" if results.best else ""
        axes.plot([], [], color=OTHERS, label=f"the other {len(results.rows) - len(coloured)} settings{less_good}")
    finite = (line[np.isfinite(line[:, 1]), 1] for line in lines.values())
    ends = [float(end(values)) for values in finite if len(values) for end in (np.min, np.max)]
    kept = on_the_scale(higher_is_better(name, results.found.runs), ends) if ends else []
    axes.autoscale_view()
    if is_log(ends):
        axes.set_yscale("log")
    elif len(kept) < len(ends):
        axes.set_ylim(min(kept), max(kept) + 0.05 * (max(kept) - min(kept)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel("epochs trained" if by_epoch else "training steps")
    axes.set_ylabel(axis_label(name), parse_math=False)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    return [
        Line(label(results, row), colors.get(id(row), OTHERS_ON_PAGE), curve)
        for row, curve in zip(shown, means, strict=True)
    ]


def members(row: Row) -> list[ReportedRun]:
    """The runs that a mean is taken over: the completed ones; as long as there is none, all."""
    return row.with_status("completed") or list(row.runs)


def mean_curve(lines: list[np.ndarray]) -> np.ndarray:
    """The mean where every line has a value: a mean over ever fewer runs would jump whenever one stops."""
    if not lines:
        return np.empty((0, 2))
    values = [dict(line.tolist()) for line in lines]
    shared = sorted(set.intersection(*map(set, values)))
    return np.array([(x, sum(value[x] for value in values) / len(values)) for x in shared]).reshape(-1, 2)


def thinned(line: np.ndarray) -> np.ndarray:
    """At most MOST_POINTS of a line (points, 2), the last one included; a value that is not finite leaves a gap."""
    points = line[:: -max(1, math.ceil(len(line) / MOST_POINTS))][::-1]
    return points if np.isfinite(points).all() else np.where(np.isfinite(points), points, math.nan)
