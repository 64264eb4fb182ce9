"""Choose what the target of a panel is scaled by: each window's own level and spread, or those of all training rows.

Both ways, ridge regressions forecast windows that are held out, from the past and what is known in advance, with
every λ of `LAMBDAS`. The best forecast says the scale, and the λ that `model=linear` takes from there. Held out are
blocks of the time before the test, each forecast from what lies before it (`rolling_origins`). All of them say λ, which
is a matter of noise; the later half says the scale, which is a matter of where the series have come to. A network that
counts from the mean of all rows would have to give out levels that it never saw, so where the series drift away it is
`window` all the same.

Windows that overlap tell much the same, so the best λ is partly best by luck. Of those that are as good within half a
standard error it is the largest, which is nearest to the naive forecast.
Source: Breiman, Friedman, Olshen & Stone 1984, "Classification and Regression Trees", section 3.4.3 (with a whole
one); Tashman 2000, "Out-of-sample tests of forecasting accuracy" (rolling origins).

Dimensions: B windows, E encoder steps, H decoder steps, D columns, Q quantiles, L penalties.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ...metrics.quantile_loss import quantile_loss
from ..ridge import LAMBDAS as FOR_SAMPLES
from ..ridge import Ridge
from ..spec import PanelSpec
from .naive import CLEARLY_BETTER, error_quantiles
from .scaling import PanelScaling

if TYPE_CHECKING:
    from .windows import Windows

LAMBDAS = (1e7, 1e6, *FOR_SAMPLES)  # the largest leave nothing but the naive forecast
ERRORS = 0.5  # standard errors by which a loss is as good as the least
FEWEST = 2  # windows to learn from and to compare on
LEAVES = 0.5  # share of the held-out windows whose mean lies outside the range before, above which the series drift
LEAST_ERROR = 1e-3  # standard deviations: below it errors are rounding
MOST_CATEGORIES = 100  # of a variable that gets columns


class Choice(NamedTuple):
    """What the target is scaled by, and why, for the log."""

    panel: PanelSpec
    reason: str


class Fit(NamedTuple):
    """What linear forecasts of windows held out came to."""

    panel: PanelSpec
    losses: Tensor  # (L, B), by every penalty, in the order of time

    @property
    def loss(self) -> float:
        """The least mean loss of the later half."""
        return float(self.losses[:, self.losses.shape[1] // 2 :].mean(dim=1).min())


class HeldOut(NamedTuple):
    """Windows, standardised by all training rows, and the number of the series of each (B,)."""

    windows: "Windows"
    series: Tensor


class Origin(NamedTuple):
    """A step of time: windows that end before it, and some that begin after it."""

    before: HeldOut
    after: HeldOut


def choose_scale(candidates: list[PanelSpec], origins: list[Origin]) -> Choice:
    """Return the panel that windows speak for, with its λ.

    Args:
        candidates: the panel by windows, and by all rows; or the only one that is asked for.
        origins: where windows are held out.
    """
    origins = [origin for origin in origins if min(len(part.series) for part in origin) >= FEWEST]
    if not origins:
        return Choice(replace(candidates[0], ridge=LAMBDAS[0]), "there are too few windows to compare")
    fits = [best_of_naive(panel, origins) for panel in candidates]
    by_window, by_all = fits[0], fits[-1]
    reason = (
        f"a linear forecast of the windows held out has {by_all.loss:.3g} by all rows, {by_window.loss:.3g} by windows"
    )
    best = min(by_window, by_all, key=lambda fit: fit.loss)
    if not best.panel.lag and len(candidates) > 1:
        outside = share_outside(origins)
        if outside > LEAVES:
            best, reason = by_window, f"{outside:.0%} of the windows held out lie at levels not seen before"
    penalty = LAMBDAS[largest_as_good(best.losses, best.losses.shape[1] / best.panel.decoder_length)]
    return Choice(replace(best.panel, ridge=beside_quantiles(penalty, origins[-1].before, best.panel)), reason)


def best_of_naive(panel: PanelSpec, origins: list[Origin]) -> Fit:
    """Return forecasts that count from the panel's naive forecast, or from the last value if clearly better so."""
    found = fitted(panel, origins)
    if not panel.lag or (panel.lag, panel.seasons) == (1, 1):
        return found
    other = fitted(replace(panel, lag=1, seasons=1), origins)
    return other if other.loss < CLEARLY_BETTER * found.loss else found


def fitted(panel: PanelSpec, origins: list[Origin]) -> Fit:
    """Return the forecasts from all origins."""
    return Fit(panel, torch.cat([losses_after(origin, panel) for origin in origins], dim=1))


def largest_as_good(losses: Tensor, independent: float) -> int:
    """Return the number of the first penalty whose loss (L, B) is no clearer above the least than `ERRORS` allow.

    The standard error is that of the difference to the best, of as many independent windows as lie side by side.
    """
    behind = losses - losses[losses.mean(dim=1).argmin()]
    is_good = behind.mean(dim=1) <= ERRORS * behind.std(dim=1) / max(1.0, independent) ** 0.5
    return int(is_good.nonzero()[0])


def share_outside(origins: list[Origin]) -> float:
    """Return the share of windows held out whose mean lies outside of those of the windows before of their series."""
    known = torch.cat([is_outside(*origin) for origin in origins])
    return float(known.double().mean()) if len(known) else 0.0


def is_outside(first: HeldOut, last: HeldOut) -> Tensor:
    """Return whether the mean of each last window lies outside; those of series without a first window are left out."""
    of_first, of_last = (
        torch.cat([part.windows.past_reals[..., -1], part.windows.targets], dim=1).mean(dim=1) for part in (first, last)
    )
    count = 1 + int(torch.cat([first.series, last.series]).max())
    lowest = torch.full((count,), torch.inf, dtype=of_first.dtype)
    highest = (-lowest).scatter_reduce(0, first.series, of_first, "amax")
    lowest = lowest.scatter_reduce(0, first.series, of_first, "amin")
    outside = (of_last < lowest[last.series]) | (of_last > highest[last.series])
    return outside[lowest[last.series].isfinite()]


def losses_after(origin: Origin, panel: PanelSpec) -> Tensor:
    """Return the quantile loss (L, B) of each window after an origin, by ridge regressions of those before.

    Their quantiles are those of their errors on the windows before.
    """
    before, after = (part.windows for part in origin)
    scaling = fitted_scaling(before, panel)
    (x, y, _), (x_after, y_after, spread) = (regression(part, scaling, panel) for part in (before, after))
    ridge = Ridge.fit(x, y)
    z, z_after = ridge.coordinates(x), ridge.coordinates(x_after)

    def losses(penalty: float) -> Tensor:
        bands = error_quantiles(y - ridge.predict(z, penalty), panel.quantiles)
        quantiles = ridge.predict(z_after, penalty)[..., None] + bands
        return (quantile_loss(quantiles, y_after, panel.quantiles) * spread[..., None]).mean(dim=(1, 2))

    return torch.stack([losses(penalty) for penalty in LAMBDAS])


def beside_quantiles(penalty: float, before: HeldOut, panel: PanelSpec) -> float:
    """Return the λ that weighs beside the quantile loss as much as `penalty` does beside squared errors."""
    x, y, spread = regression(before.windows, fitted_scaling(before.windows, panel), panel)
    ridge = Ridge.fit(x, y)
    return penalty * curvature(y - ridge.predict(ridge.coordinates(x), penalty), panel) * float(spread.mean())


def fitted_scaling(windows: "Windows", panel: PanelSpec) -> PanelScaling:
    """Return the scaling of a panel, with the errors that its naive forecast has on these windows."""
    scaling = PanelScaling(panel)
    if panel.lag:
        scaling.fit_errors(windows.past_reals[..., -1], windows.targets)
    return scaling


def regression(windows: "Windows", scaling: PanelScaling, panel: PanelSpec) -> tuple[Tensor, Tensor, Tensor]:
    """Return columns (B, D), targets (B, H) as a network has to forecast them, and what these are scaled by (B, 1)."""
    inputs, level = scaling.by_window(*windows[:-1])
    centre, spread = torch.zeros(()), torch.ones(1, 1)
    if level is not None:
        centre, spread = level.centre[..., len(panel.quantiles) // 2], level.spread[..., 0]
    return columns_of(inputs, panel), ((windows.targets - centre) / spread).double(), spread.double()


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
