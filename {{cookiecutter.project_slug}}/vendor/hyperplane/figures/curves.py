"""Learning curves: the metrics of a run over its epochs."""

import math
from itertools import cycle

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import PANEL, STAGES, new_figure

FEW_POINTS = 25  # up to here each point of a curve gets a marker
MOST_PANELS = 3
OF_LOADERS = (("--", "s"), ("-.", "^"), (":", "v"), ("-", "P"))  # line and marker of each
LOG_RATIO = 30.0  # a positive curve that spans more than this factor is drawn on a log axis

METRIC_LABELS = {
    "bits_per_character": "bits per character",
    "loss": "loss",
    "accuracy": "accuracy (fraction)",
    "rmse": "RMSE (units of the target)",
    "mae": "MAE (units of the target)",
    "r2": "R² (fraction)",
    "quantile_loss": "quantile loss (units of the target)",
}


def learning_curves(rows: list[dict[str, float]]) -> Figure:
    """Loss, the first of the usual metrics, and others that were asked for, over epochs, as many as there is room for.

    Of a metric that only the test has there is no curve. Several loaders, `val/<loader>/<metric>`, share a panel.

    The rows are those of metrics.csv. The last test value is drawn as a level, since it belongs to the chosen
    checkpoint.
    """
    logged = {name.rpartition("/")[2] for row in rows for name in row if name.startswith(("train/", "val/"))}
    usual = [metric for metric in METRIC_LABELS if metric in logged and metric != "loss"]
    others = sorted(logged - METRIC_LABELS.keys())
    metrics = [*(["loss"] if "loss" in logged else []), *usual[:1], *others][:MOST_PANELS]
    panels = max(1, len(metrics))
    figure = new_figure(panels * PANEL[0], PANEL[1])
    figure.suptitle("Learning curves")
    all_axes = [figure.add_subplot(1, panels, i + 1) for i in range(panels)]
    for axes, metric in zip(all_axes, metrics, strict=False):
        _learning_curve(axes, rows, metric)
    return figure


def _learning_curve(axes: Axes, rows: list[dict[str, float]], metric: str) -> None:
    drawn: list[float] = []
    names = dict.fromkeys(name for row in rows for name in row if name.rpartition("/")[2] == metric)
    for stage in ("train", "val"):
        of_stage = [name for name in names if name.startswith(f"{stage}/")]
        for name, (linestyle, marker) in zip(of_stage, cycle(OF_LOADERS)):
            # Row `epoch` 0 holds what was measured after the first pass over the data.
            epochs = [row["epoch"] + 1 for row in rows if name in row]
            values = [row[name] for row in rows if name in row]
            style = dict(STAGES[stage])
            if len(of_stage) > 1:
                style |= {"linestyle": linestyle, "marker": marker}
            if len(values) > FEW_POINTS:
                style.pop("marker")
            axes.plot(epochs, values, label=name.rpartition("/")[0].replace("/", " "), markersize=4, **style)
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
    axes.set(xlabel="epochs trained", ylabel=METRIC_LABELS.get(metric, metric))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.legend()
