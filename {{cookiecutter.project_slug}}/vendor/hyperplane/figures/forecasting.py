"""Forecasting: what comes next and how sure that is, which variables it came from, and which steps."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from .style import CLASS_COLORS, FIT_COLOR, PANEL, new_figure

PAST_COLOR, BAND_COLOR = "#000000", CLASS_COLORS[0]
MOST_STEPS = 7  # of the forecast, whose attention is drawn


class Forecast(NamedTuple):
    """One window of one series, in the units of the data."""

    series: str
    past: NDArray[np.floating]  # (E,)
    targets: NDArray[np.floating]  # (H,)
    quantiles: NDArray[np.floating]  # (H, Q)
    true_quantiles: NDArray[np.floating] | None = None  # (H, Q), where they are known
    times: NDArray[Any] | None = None  # (E + H,), dates or numbers; None: steps are counted


def forecasts(windows: Sequence[Forecast], quantiles: Sequence[float], target: str, time: str = "time") -> Figure:
    """Past, forecast with its bands and what came, a panel for each window.

    The quantiles increase: the first and the last bound the widest band, and so on inwards.
    """
    columns = min(2, len(windows))
    rows = -(-len(windows) // columns)
    figure = new_figure(1.2 * PANEL[0] * columns, 0.85 * PANEL[1] * rows + 0.5)
    for number, window in enumerate(windows):
        axes = figure.add_subplot(rows, columns, number + 1)
        steps = np.arange(len(window.past) + len(window.targets)) - len(window.past) + 1
        times = steps if window.times is None else window.times
        draw_window(axes, window, times, quantiles)
        mark_times(axes, times)
        axes.set_title(window.series, fontsize=10)
        axes.set(xlabel="step (0: the last that the forecast sees)" if window.times is None else time, ylabel=target)
        axes.grid(alpha=0.3)
    figure.suptitle("Forecasts of test windows")
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=8)
    return figure


def draw_window(axes: Axes, window: Forecast, times: NDArray[Any], quantiles: Sequence[float]) -> None:
    """Draw what was observed at times (E + H,), and the quantiles of the forecast as bands."""
    past, future = np.split(times, [len(window.past)])
    joined = np.concatenate([window.past[-1:], window.targets])
    line: dict[str, Any] = {"color": PAST_COLOR, "linewidth": 1}
    axes.plot(past, window.past, label="observed", **line)
    axes.plot(times[len(past) - 1 :], joined, ":o", markersize=3, label="observed later", **line)
    pairs = len(quantiles) // 2
    for i in range(pairs):
        low, high = window.quantiles[:, i], window.quantiles[:, -1 - i]
        label, alpha = f"{quantiles[i]:g} to {quantiles[-1 - i]:g} quantile", 0.15 + 0.25 * (i + 1) / pairs
        axes.fill_between(future, low, high, color=BAND_COLOR, alpha=alpha, lw=0, label=label)
    if len(quantiles) % 2:
        label = f"{quantiles[pairs]:g} quantile"
        axes.plot(future, window.quantiles[:, pairs], color=BAND_COLOR, marker="s", markersize=3, label=label)
    if window.true_quantiles is not None:
        for i, values in enumerate(window.true_quantiles.T):
            label = "true quantiles" if i == 0 else "_"  # one entry in the legend
            axes.plot(future, values, color=FIT_COLOR, linestyle="--", linewidth=1, label=label)
    axes.axvline(past[-1] + (future[0] - past[-1]) / 2, color="gray", linewidth=0.8)


def mark_times(axes: Axes, times: NDArray[Any]) -> None:
    """Choose a few marks of an axis of dates or numbers."""
    if np.issubdtype(times.dtype, np.datetime64):
        locator = AutoDateLocator(minticks=3, maxticks=7)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    else:
        is_whole = bool((times == np.round(times)).all())
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=is_whole))
        axes.xaxis.get_major_formatter().set_useOffset(False)  # type: ignore[attr-defined]


def variable_importances(groups: Mapping[str, Mapping[str, float]]) -> Figure:
    """How much each variable weighed, on average over the test windows; a panel for each group.

    The weights of each group lie in [0, 1] and sum to 1.
    """
    groups = {name: weights for name, weights in groups.items() if weights}
    figure = new_figure(0.8 * PANEL[0] * max(1, len(groups)), PANEL[1])
    for number, (name, weights) in enumerate(groups.items()):
        axes = figure.add_subplot(1, len(groups), number + 1)
        ordered = sorted(weights.items(), key=lambda item: item[1])
        bars = axes.barh([variable for variable, _ in ordered], [weight for _, weight in ordered], color=BAND_COLOR)
        axes.bar_label(bars, fmt="%.2f", padding=2, fontsize=8)
        axes.set_xlim(0, 1.15)
        axes.set_title(name, fontsize=10)
        axes.set_xlabel("mean weight (fraction)")
    figure.suptitle("Variable importances: weights of the variable selection")
    return figure


def attention_over_time(attention: NDArray[np.floating]) -> Figure:
    """Which steps a forecast attends to, on average over the test windows.

    The attention is (H, T), of each forecast step to all T steps, of which the last H are the forecast.
    """
    horizon, total = attention.shape
    positions = np.arange(total) - (total - horizon) + 1
    figure = new_figure(1.8 * PANEL[0], PANEL[1])
    axes = figure.add_subplot()
    drawn = np.unique(np.linspace(0, horizon - 1, min(horizon, MOST_STEPS)).round().astype(int))
    for number, step in enumerate(drawn):
        seen = positions <= step + 1
        color = CLASS_COLORS[number % len(CLASS_COLORS)]
        axes.plot(
            positions[seen], attention[step, seen], color=color, linewidth=1.2, label=f"forecast of step {step + 1}"
        )
    axes.axvline(0.5, color="gray", linewidth=0.8)
    axes.set_xlabel("step that is attended to (0: the last of the past)")
    axes.set(ylabel="mean attention (fraction)", title="Attention over time, mean over heads and test windows")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    figure.legend(fontsize=8, loc="outside right upper")  # curves lie anywhere, so no corner is free
    return figure
