"""Forecasts that every model has to beat: the value of some steps before, with the spread of its errors in training.

    ŷₕ = y at the last step of the past that lies a whole number of `lag` steps before h;    qₕ = ŷₕ + Q_q(y − ŷ)

or, of `seasons`, the mean of y there and at the lags before, which has less noise where nothing grows.

A lag of 1 is the last value; one of a season (12 months, 7 days, 24 hours) is the seasonal naive forecast. Source:
Hyndman & Athanasopoulos 2021, "Forecasting: Principles and Practice", 3rd edition, sections 5.2 and 5.5.

Dimensions: B windows, E encoder steps, H decoder steps, Q quantiles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ...metrics.quantile_loss import quantile_loss

MOST_WINDOWS = 5_000  # that a lag is chosen on
CLEARLY_BETTER = 0.95  # of the loss of one season that the mean of several has to reach: it lags behind what grows


def naive(past: Tensor, lag: int, horizon: int, seasons: int = 1) -> Tensor:
    """Return the values (B, H) of whole numbers of `lag` steps before each of H steps that follow on past (B, E).

    With `seasons` it is the mean of so many values, each `lag` steps before the next; all of them lie in the past.
    """
    last = past.shape[1] - lag + torch.arange(horizon, device=past.device) % lag
    if seasons == 1:
        return past[:, last]
    return past[:, last[:, None] - lag * torch.arange(seasons, device=past.device)].mean(dim=-1)


def error_quantiles(errors: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Return the quantiles (H, Q) of errors (B, H) of each step."""
    return torch.quantile(errors.double(), errors.new_tensor(quantiles).double(), dim=0).T.to(errors.dtype)


def few(windows: Tensor) -> Tensor:
    """Return at most `MOST_WINDOWS` of windows (B, ...), spread over all of them."""
    return windows[:: -(-len(windows) // MOST_WINDOWS)]


def naive_loss(past: Tensor, targets: Tensor, quantiles: Sequence[float], lag: int, seasons: int = 1) -> float:
    """Return the quantile loss that a naive forecast of windows has with the quantiles of its own errors."""
    errors = targets - naive(past, lag, targets.shape[1], seasons)
    return float(quantile_loss(error_quantiles(errors, quantiles), errors, quantiles).mean())


def best_lag(past: Tensor, targets: Tensor, quantiles: Sequence[float], least: int = 1) -> int:
    """Return the lag, from `least` to E, whose naive forecast has the smallest quantile loss on these windows.

    The past is (B, E), the targets that follow are (B, H).
    """
    past, targets = few(past), few(targets)
    return min(range(least, past.shape[1] + 1), key=lambda lag: naive_loss(past, targets, quantiles, lag))


def best_naive(past: Tensor, targets: Tensor, quantiles: Sequence[float]) -> tuple[int, int]:
    """Return lag and seasons of the best naive forecast of these windows; see `best_lag`."""
    past, targets = few(past), few(targets)
    lag = best_lag(past, targets, quantiles)
    means = {
        (other, past.shape[1] // other): naive_loss(past, targets, quantiles, other, past.shape[1] // other)
        for other in range(1, past.shape[1] // 2 + 1)
    }
    best = min(means, key=means.__getitem__, default=(lag, 1))
    is_better = best in means and means[best] < CLEARLY_BETTER * naive_loss(past, targets, quantiles, lag)
    return best if is_better else (lag, 1)
