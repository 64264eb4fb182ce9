"""Choose what the target of a panel is scaled by: each window's own level and spread, or those of all training rows.

Both ways, ridge regressions forecast the windows that are held out, from the past and what is known in advance, with
every λ of `ridge.py`. The best forecast says the scale, and the λ that `model=linear` takes from there. They count from
the naive forecast that is the best in training, or from the last value where that is better on the held-out windows.
Held out are the validation windows, or without any those of the last fifth of the training time. A network that counts
from the mean of all rows would have to give out levels that it never saw, so where the series drift away it is `window`
all the same.

Dimensions: B windows, E encoder steps, H decoder steps, D columns, Q quantiles.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ...metrics.quantile_loss import quantile_loss
from ..ridge import LAMBDAS, Ridge
from ..spec import PanelSpec
from .naive import error_quantiles
from .scaling import PanelScaling

if TYPE_CHECKING:
    from .windows import Windows

FEWEST = 2  # windows to learn from and to compare on
MOST_WINDOWS = 2_000  # that it is chosen on, spread over all
LEAVES = 0.5  # share of the held-out windows whose mean lies outside the range before, above which the series drift
LEAST_ERROR = 1e-3  # standard deviations: below it errors are rounding
MOST_CATEGORIES = 100  # of a variable that gets columns


class Choice(NamedTuple):
    """What the target is scaled by, and why, for the log."""

    panel: PanelSpec
    reason: str


class Fit(NamedTuple):
    """What a linear forecast came to."""

    panel: PanelSpec
    loss: float  # on windows held out
    penalty: float  # λ beside the quantile loss


class HeldOut(NamedTuple):
    """Windows, standardised by all training rows: at most `MOST_WINDOWS`, and of all the series and the level."""

    windows: "Windows"
    series: Tensor  # its number
    means: Tensor  # of the target


def choose_scale(candidates: list[PanelSpec], first: HeldOut, last: HeldOut) -> Choice:
    """Return the panel that windows speak for, with its λ.

    Where there are too few to compare, λ is the largest, which is nearly the naive forecast.

    The candidates, the panel by windows and by all rows, or the only one that is asked for, are fitted to the `first`
    training windows and compared on the `last`, which follow.
    """
    if min(len(first.series), len(last.series)) < FEWEST:
        near_naive = replace(candidates[0], ridge=LAMBDAS[0])
        return Choice(near_naive, "there are too few windows to compare")
    fits = [best_ridge(first.windows, last.windows, better_start(panel, first, last)) for panel in candidates]
    by_window, by_all = fits[0], fits[-1]
    losses = f"{by_all.loss:.3g} scaled by all rows, {by_window.loss:.3g} by window"
    reason = f"a linear forecast of held-out windows has the quantile loss {losses}"
    best = min(by_window, by_all, key=lambda fit: fit.loss)
    if not best.panel.lag and len(candidates) > 1:
        outside = share_outside(first, last)
        if outside > LEAVES:
            best, reason = by_window, f"{outside:.0%} of the held-out windows lie at levels not seen before"
    return Choice(replace(best.panel, ridge=best.penalty), reason)


def better_start(panel: PanelSpec, first: HeldOut, last: HeldOut) -> PanelSpec:
    """Return the panel, counted from the last value if that forecasts `last` better than its naive forecast does."""
    if not panel.lag:
        return panel
    return min(panel, replace(panel, lag=1, seasons=1), key=lambda one: loss_of_start(one, first.windows, last.windows))


def loss_of_start(panel: PanelSpec, first: "Windows", last: "Windows") -> float:
    """Return the quantile loss on `last` of outputs of 0, with the errors of `first`."""
    scaling = PanelScaling(panel)
    scaling.fit_errors(first.past_reals[..., -1], first.targets)
    _, level = scaling.by_window(*last[:-1])
    assert level is not None
    return float(quantile_loss(level.centre, last.targets, panel.quantiles).mean())


def share_outside(first: HeldOut, last: HeldOut) -> float:
    """Return the share of the last windows whose mean lies outside of those of the first windows of their series."""
    count = 1 + int(torch.cat([first.series, last.series]).max())
    lowest = torch.full((count,), torch.inf, dtype=first.means.dtype)
    highest = (-lowest).scatter_reduce(0, first.series, first.means, "amax")
    lowest = lowest.scatter_reduce(0, first.series, first.means, "amin")
    is_outside = (last.means < lowest[last.series]) | (last.means > highest[last.series])
    known = is_outside[lowest[last.series].isfinite()]
    return float(known.double().mean()) if len(known) else 0.0


def best_ridge(first: "Windows", last: "Windows", panel: PanelSpec) -> Fit:
    """Return the ridge regression of `first` with the smallest quantile loss on `last`.

    Its quantiles are those of its errors on `first`.
    """
    scaling = PanelScaling(panel)
    if panel.lag:
        scaling.fit_errors(first.past_reals[..., -1], first.targets)
    middle = len(panel.quantiles) // 2
    parts = []
    for part in (first, last):
        inputs, level = scaling.by_window(*part[:-1])
        centre, spread = (0.0, torch.ones(())) if level is None else (level.centre[..., middle], level.spread[..., 0])
        parts.append((columns_of(inputs, panel), ((part.targets - centre) / spread).double(), spread.double()))
    (x, y, spread_first), (x_last, y_last, spread) = parts
    ridge = Ridge.fit(x, y)
    z, z_last = ridge.coordinates(x), ridge.coordinates(x_last)

    def loss(penalty: float) -> float:
        bands = error_quantiles(y - ridge.predict(z, penalty), panel.quantiles)
        losses = quantile_loss(ridge.predict(z_last, penalty)[..., None] + bands, y_last, panel.quantiles)
        return float((losses * spread[..., None]).mean())

    losses = {penalty: loss(penalty) for penalty in LAMBDAS}
    best = min(losses, key=losses.__getitem__)
    penalty = best * curvature(y - ridge.predict(z, best), panel) * float(spread_first.mean())
    return Fit(panel, losses[best], penalty)


def curvature(errors: Tensor, panel: PanelSpec) -> float:
    """Return by how much the quantile loss of normal errors bends more than half of their square.

    That is their density at the quantiles, φ(Φ⁻¹(q)) / σ, in the mean: as much more may a penalty weigh beside it.
    """
    normal = torch.distributions.Normal(0.0, 1.0)
    heights = normal.log_prob(normal.icdf(torch.tensor(panel.quantiles))).exp()
    return float(heights.mean() / errors.std().clamp(min=LEAST_ERROR))


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
