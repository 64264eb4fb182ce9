"""Forecasts that every model has to beat: the value of some steps before, with the spread of its errors in training.

    ŷₕ = y at the last step of the past that lies a whole number of `lag` steps before h;    qₕ = ŷₕ + Q_q(y − ŷ)

A lag of 1 is the last value; one of a season (12 months, 7 days, 24 hours) is the seasonal naive forecast. Source:
Hyndman & Athanasopoulos 2021, "Forecasting: Principles and Practice", 3rd edition, sections 5.2 and 5.5.

Dimensions: B windows, E encoder steps, H decoder steps, Q quantiles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..losses.forecasting import quantile_loss

MOST_WINDOWS = 5_000  # that a lag is chosen on


def naive(past: Tensor, lag: int, horizon: int) -> Tensor:
    """Return the values (B, H) of whole numbers of `lag` steps before each of H steps that follow on past (B, E)."""
    steps = past.shape[1] - lag + torch.arange(horizon, device=past.device) % lag
    return past[:, steps]


def error_quantiles(errors: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Return the quantiles (H, Q) of errors (B, H) of each step."""
    return torch.quantile(errors.double(), errors.new_tensor(quantiles).double(), dim=0).T.to(errors.dtype)


def few(windows: Tensor) -> Tensor:
    """Return at most `MOST_WINDOWS` of windows (B, ...), spread over all of them."""
    return windows[:: -(-len(windows) // MOST_WINDOWS)]


def best_lag(past: Tensor, targets: Tensor, quantiles: Sequence[float], least: int = 1) -> int:
    """Return the lag, from `least` to E, whose naive forecast has the smallest quantile loss on these windows.

    Args:
        past: of training windows (B, E).
        targets: that follow (B, H).
        quantiles: Q.
        least: at most E.
    """
    past, targets = few(past), few(targets)
    losses = {}
    for lag in range(least, past.shape[1] + 1):
        errors = targets - naive(past, lag, targets.shape[1])
        losses[lag] = float(quantile_loss(error_quantiles(errors, quantiles), errors, quantiles).mean())
    return min(losses, key=losses.__getitem__)
