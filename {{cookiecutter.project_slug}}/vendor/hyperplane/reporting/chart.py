"""The results as one picture: a dot plot, a panel per metric and a line per setting."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.markers import MarkerStyle

from .direction import higher_is_better
from .drawing import COLORS, axis_label, in_words, label, legend_of, on_the_scale, png, put_title
from .reference import METRIC
from .results import Results, Row
from .table import format_number

OURS, *REFERENCES = COLORS
TICKS = (MarkerStyle(2), MarkerStyle(3))  # up and down, so that two never hide each other
MOST_ROWS = 40  # more than that is read as a table, not as a picture


def draw_chart(results: Results) -> bytes:
    """A PNG. Dots are means, whiskers one standard deviation, ticks the reference's figures."""
    best = {id(row) for row in results.ranked[:MOST_ROWS]}
    rows = [row for row in results.rows if id(row) in best]
    labels = [label(results, row) for row in rows]
    panels = len(results.metrics)
    width = 0.085 * max(map(len, labels)) + 5.0 * panels + 0.5  # inches
    figure = Figure(figsize=(width, 2.0 + 0.34 * len(rows)), dpi=130, layout="constrained")
    axes_row = figure.subplots(1, panels, sharey=True, squeeze=False)[0]
    for axes, metric in zip(axes_row, results.metrics, strict=True):
        draw_panel(axes, results, rows, metric)
    axes_row[0].set_yticks(range(len(rows)), labels, parse_math=False)
    axes_row[0].set_ylim(len(rows) - 0.4, -0.6)  # first row on top
    put_title(figure, title(results))
    legend = legend_of(figure)
    if legend:
        texts = sorted(legend, key=lambda text: text.startswith("reference: "))
        handles = [legend[text] for text in texts]
        figure.legend(handles, texts, loc="outside lower center", ncols=2, frameon=False)
    return png(figure)


def draw_panel(axes: Axes, results: Results, rows: list[Row], metric: str) -> None:
    """One metric; `y` counts the rows. A mean that is not finite, or far off, has no place on the axis."""
    means = {y: row.statistic(metric).mean for y, row in enumerate(rows)}
    finite = {y: mean for y, mean in means.items() if mean is not None and math.isfinite(mean)}
    kept = on_the_scale(higher_is_better(metric, results.found.runs), [*finite.values()]) if finite else []
    points = [(mean, y, rows[y].statistic(metric).std or 0.0) for y, mean in finite.items() if mean in kept]
    for y in finite.keys() - {y for _, y, _ in points}:
        text, is_low = format_number(metric, finite[y], digits=3), finite[y] < min(kept)
        at, side, text = (0.01, "left", f"← {text}") if is_low else (0.99, "right", f"{text} →")
        axes.text(at, y, text, transform=axes.get_yaxis_transform(), ha=side, va="center", fontsize=8)
    if points:
        x, ys, std = zip(*points, strict=True)
        axes.errorbar(x, ys, xerr=std, fmt="o", color=OURS, capsize=3, label="our runs, mean ± std", zorder=3)
    else:
        axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", va="center")
        axes.set_xticks([])
    if points and metric == METRIC:
        draw_reference(axes, results, rows)
    # A line between blocks of rows that share their data set.
    data = [row.settings.get("data") for row in rows]
    for y in range(1, len(rows)):
        if data[y] != data[y - 1]:
            axes.axhline(y - 0.5, color="0.6", linewidth=0.8)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    axes.margins(x=0.08)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel(axis_label(metric), parse_math=False)


def draw_reference(axes: Axes, results: Results, rows: list[Row]) -> None:
    """The figures of the reference file, a marked tick each."""
    for i, column in enumerate(results.reference.columns):
        texts = [results.reference.entry(row.settings).get(column) for row in rows]
        points = [(float(text), y) for y, text in enumerate(texts) if text]
        if points:
            x, ys = zip(*points, strict=True)
            color = REFERENCES[i % len(REFERENCES)]
            tick = Line2D(x, ys, ls="none", marker=TICKS[i % 2], color=color, zorder=2)
            tick.set(markersize=10, markeredgewidth=2.2)
            axes.add_line(tick)
            axes.plot([], [], "|", color=color, ms=12, mew=2.2, label=f"reference: {column}")


def title(results: Results) -> str:
    """Says what is seen and over how many runs."""
    names = " and ".join(map(in_words, results.metrics))
    counts = [len(row.with_status("completed")) for row in results.rows]
    fewest, most = min(counts), max(counts)
    runs = f"{most} runs each" if fewest == most else f"{fewest} to {most} runs each"
    what = f"mean ± standard deviation over {runs}" if most > 1 else "one run each"
    rows = len(results.rows)
    shown = f"{rows} setting{'s' * (rows != 1)}"
    if rows > MOST_ROWS:
        which = f", the best by {in_words(results.validation)}" if results.best else ""
        shown = f"{MOST_ROWS} of {shown}{which}"
    return f"{names[0].upper()}{names[1:]} of {shown}: {what if most else 'no completed run'}"
