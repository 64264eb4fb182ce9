"""What the pictures of a report share: colours, labels, axes, and the PNG that each becomes."""

import io
import textwrap
from typing import Any

import numpy as np
from matplotlib.colors import Colormap, LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure

from ..figures import fonts as fonts  # that stand in
from .results import FIRST_COLUMNS, Results, Row

# Okabe and Ito's palette, which colour-blind readers can tell apart.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
BEST = COLORS[1]
# From pale to dark, so that the best stands out on white and a grey print keeps the order.
GOOD_IS_DARK = LinearSegmentedColormap.from_list("good is dark", ["#f2e6c2", "#8fc1a9", "#2f7f9e", "#2a2f6b"])
UNITS = {
    "accuracy": "fraction",
    "rmse": "units of the target",
    "mae": "units of the target",
    "quantile_loss": "units of the target",
}
LONG_LABEL, LONGEST_LABEL = 50, 70  # characters
SHORTEST = 10  # that each of its parts is cut to
TAIL = 5.0  # how much longer an axis may get by the worst tenth
DIVERGED = 1000.0  # times as far from the best as the median is
LOG_RATIO = 30.0  # positive values that span more than this factor are drawn on a log axis


def axis_label(metric: str) -> str:
    """`test/accuracy` -> `test accuracy (fraction)`."""
    unit = UNITS.get(metric.rpartition("/")[2])
    return f"{in_words(metric)} ({unit})" if unit else in_words(metric)


def in_words(metric: str) -> str:
    return metric.replace("/", " ").replace("_", " ")


def label(results: Results, row: Row) -> str:
    """`mlp, mnist1d, optimizer.lr=0.01`: model and data need no key to be understood, nor do many keys their group."""
    keys = {key: f"{key}=" for key in results.settings} | dict.fromkeys(FIRST_COLUMNS, "")
    parts = [keys[key] + row.settings[key] for key in results.settings] or ["all runs"]
    if len(", ".join(parts)) > LONG_LABEL:
        parts = [keys[key].rpartition(".")[2] + row.settings[key] for key in results.settings]
    longest = LONGEST_LABEL  # of a part: the longest ones give way, so that each setting is seen
    while len(", ".join(parts)) > LONGEST_LABEL and longest > SHORTEST:
        longest -= 1
        parts = [shortened(part, longest) for part in parts]
    return shortened(", ".join(parts), LONGEST_LABEL)


def shortened(text: str, longest: int) -> str:
    """Leave out the middle: names often differ at their end."""
    rest = longest - 1
    return text if len(text) <= longest else text[: rest - rest // 2] + "…" + text[len(text) - rest // 2 :]


def is_log(values: list[float]) -> bool:
    """Whether finite `values` are better seen on a log axis."""
    return bool(values) and min(values) > 0 and max(values) / min(values) > LOG_RATIO


def colours(direction: bool | None, means: list[float]) -> tuple[Colormap, Normalize]:
    """The colour of a mean is `colormap(norm(mean))`: dark is good, or high where it is not known what is good."""
    colormap = GOOD_IS_DARK.reversed() if direction is False else GOOD_IS_DARK
    if is_log(means):
        return colormap, LogNorm(min(means), max(means))
    return colormap, Normalize(*limits(direction, means), clip=True)


def limits(direction: bool | None, means: list[float]) -> tuple[float, float]:
    """From the lowest to the highest mean; the worst tenth is cut off where it would squeeze all the others."""
    means = means if is_log(means) else on_the_scale(direction, means)
    low, high = min(means), max(means)
    if is_log(means) or len(means) < 10:
        return low, high if high > low else low + 1e-9
    tenth, nine_tenths = (float(q) for q in np.quantile(means, (0.1, 0.9)))
    if direction is True and high - low > TAIL * (high - tenth) > 0:
        low = tenth
    elif direction is False and high - low > TAIL * (nine_tenths - low) > 0:
        high = nine_tenths
    return low, high if high > low else low + 1e-9


def on_the_scale(direction: bool | None, values: list[float]) -> list[float]:
    """Leave out the finite values of runs that diverged: beside them, all others would be one point of an axis."""
    if direction is None:
        return values
    best = max(values) if direction else min(values)
    typical = float(np.median([abs(value - best) for value in values]))
    return [value for value in values if not abs(value - best) > DIVERGED * typical > 0]


def put_title(figure: Figure, text: str) -> None:
    """Write a title above a figure, in as many lines as its width asks for."""
    figure.suptitle("\n".join(textwrap.wrap(text, int(11.5 * figure.get_figwidth()))), fontsize=11, parse_math=False)


def legend_of(figure: Figure) -> dict[str, Any]:
    """Return the entries of a legend for all panels, each text once, with what is drawn beside it."""
    entries = (zip(*axes.get_legend_handles_labels(), strict=True) for axes in figure.axes)
    return {text: handle for panel in entries for handle, text in panel}


def png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
