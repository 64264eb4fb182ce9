"""Choose what the target of a panel is scaled by: each window's own level and spread, or those of all training rows.

Decided on training windows alone. Those of the last fifth of the training time are held out:

window   where their means leave the range of those before in the series: a network would have to give out levels
         that it never saw
all      where a ridge regression, from the past of a window and what is known in advance, then forecasts them clearly
         better in units of all rows: what drives the series has its effect in these units, whatever the window

    ŷ = b + xW,    W = (XᵀX + λNI)⁻¹ XᵀY    of N windows, columns with mean 0 and standard deviation 1

Source of the regression: Hoerl & Kennard 1970, "Ridge Regression". Dimensions: B windows, E encoder steps, H decoder
steps, D columns.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ...metrics.quantile_loss import quantile_loss
from ..scaling import moments
from ..spec import PanelSpec
from .naive import error_quantiles
from .scaling import PanelScaling

if TYPE_CHECKING:
    from .windows import Windows

HELD_OUT = 0.2  # of the time steps from the first training target to the last
FEWEST = 5  # windows to learn from and to compare on
MOST_WINDOWS = 3_000  # that it is chosen on, spread over all
LEAVES = 0.5  # share of the held-out windows whose mean lies outside the range before, above which the series drift
CLEARLY_BETTER = 0.7  # of the loss by windows, that by all rows has to stay below
MOST_CATEGORIES = 100  # of a variable that gets columns
RIDGE = 0.01  # λ


class Choice(NamedTuple):
    """What the target is scaled by, and why, for the log."""

    scale: str
    reason: str


def choose_scale(windows: "Windows", series: Tensor, time: Tensor, panel: PanelSpec) -> Choice:
    """Return the scale that training windows speak for.

    Args:
        windows: standardised by all training rows.
        series: number of the series of each (B,).
        time: step of the first target of each (B,).
        panel: their variables and lengths, with the lag of the naive forecast by windows.
    """
    end = int(time.max()) + panel.decoder_length
    cut = end - round(HELD_OUT * (end - int(time.min())))
    is_first, is_last = time + panel.decoder_length <= cut, time >= cut
    if min(is_first.sum(), is_last.sum()) < FEWEST:
        return Choice("window", "there are too few training windows to compare")
    outside = share_outside(windows, series, is_first, is_last)
    if outside > LEAVES:
        return Choice("window", f"{outside:.0%} of the last training windows lie at levels not seen before")
    first, last = (type(windows)(*(field[part] for field in windows)) for part in (is_first, is_last))
    by_window, by_all = (ridge_loss(first, last, replace(panel, by_window=scale)) for scale in (True, False))
    losses = f"a linear forecast of the last training windows has {by_all:.3g} by all rows, {by_window:.3g} by windows"
    return Choice("all" if by_all < CLEARLY_BETTER * by_window else "window", losses)


def share_outside(windows: "Windows", series: Tensor, is_first: Tensor, is_last: Tensor) -> float:
    """Return the share of the last windows whose mean lies outside of those of the first windows of their series."""
    levels = torch.cat([windows.past_reals[..., -1], windows.targets], dim=1).mean(dim=1)
    lowest = torch.full((int(series.max()) + 1,), torch.inf, dtype=levels.dtype)
    highest = (-lowest).scatter_reduce(0, series[is_first], levels[is_first], "amax")
    lowest = lowest.scatter_reduce(0, series[is_first], levels[is_first], "amin")
    of, levels = series[is_last], levels[is_last]
    is_outside = (levels < lowest[of]) | (levels > highest[of])
    return float(is_outside[lowest[of].isfinite()].double().mean())


def ridge_loss(first: "Windows", last: "Windows", panel: PanelSpec) -> float:
    """Return the quantile loss on `last` of the ridge regression of `first`, with the quantiles of its errors there."""
    scaling = PanelScaling(panel)
    scaling.fit_errors(first.past_reals[..., -1], first.targets)
    middle = len(panel.quantiles) // 2
    parts = []
    for part in (first, last):
        inputs, level = scaling.by_window(*part[:-1])
        assert level is not None
        spread = level.spread[..., 0]
        parts.append((columns_of(inputs, panel), (part.targets - level.centre[..., middle]) / spread, spread))
    (x, y, _), (x_last, y_last, spread) = parts
    mean, std = moments(x)
    x, x_last = (x - mean) / std, (x_last - mean) / std
    b, y = y.double().mean(dim=0), y.double()
    gram = x.T @ x + RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    weight = torch.linalg.solve(gram, x.T @ (y - b))
    bands = error_quantiles(y - b - x @ weight, panel.quantiles)
    loss = quantile_loss((b + x_last @ weight)[..., None] + bands, y_last.double(), panel.quantiles)
    return float((loss * spread[..., None]).mean())


def columns_of(inputs: tuple[Tensor, ...], panel: PanelSpec) -> Tensor:
    """Return the reals of the past, and all that is static or known in advance, as columns (B, D) of float64."""
    static, past_reals, _, future_reals, future = inputs
    columns = [past_reals.flatten(1), future_reals.flatten(1)]
    for names, categories in ((panel.static_categoricals, static), (panel.known_categoricals, future)):
        for number, name in enumerate(names):
            count = panel.cardinalities[name]
            if count <= MOST_CATEGORIES:
                columns.append(functional.one_hot(categories[..., number], count).flatten(1))
    return torch.cat([column.double() for column in columns], dim=1)
