"""Standardisation of windows of a panel: by all training rows, and by each window's own mean and spread.

Dimensions: B windows, E encoder steps, H decoder steps, R real variables, Q quantiles.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from ...metrics.mean import wide
from ..scaling import Scaling, moments
from ..spec import PanelSpec
from .naive import error_quantiles, naive

LEAST_VARIANCE = 1e-6  # of a window's target, in variances of the training rows: constant windows stay finite


class Level(NamedTuple):
    """What takes the outputs for windows back to the scale of all training rows."""

    centre: Tensor  # (B, H, Q), what outputs of 0 stand for
    spread: Tensor  # (B, 1, 1)


class PanelScaling(Scaling):
    """Standardises the real variables of windows; categories stay.

    One mean and standard deviation for each variable, over all series. With `spec.by_window` the target is then brought
    to mean 0 and standard deviation 1 over the past of each window, so that a forecast follows a level and a spread
    that training never saw. With `spec.lag` what a network gives out is how far, in these standard deviations, the
    quantiles lie from those of the naive forecast of that lag (see `naive.py`): outputs of 0 are the naive forecast.
    Source: Kim et al. 2022, "Reversible Instance Normalization", https://openreview.net/forum?id=cGDAkQo1C0p, without
    the affine map; the quantiles of errors are ours.
    """

    def __init__(self, spec: PanelSpec) -> None:
        super().__init__(spec)
        self.lag, self.seasons = spec.lag, spec.seasons
        self.scales_windows = spec.by_window
        self.quantiles = spec.quantiles
        self.errors: Tensor
        self.register_buffer("input_mean", torch.zeros(len(spec.reals), dtype=torch.double))
        self.register_buffer("input_std", torch.ones(len(spec.reals), dtype=torch.double))
        if self.lag:
            self.register_buffer("errors", torch.zeros(spec.decoder_length, len(spec.quantiles)))

    def fit(self, inputs: Tensor, targets: Tensor) -> None:
        """Take mean and standard deviation from the training rows (rows, R), whose last column is the target."""
        self.input_mean, self.input_std = moments(inputs)
        self.target_mean, self.target_std = self.input_mean[-1:], self.input_std[-1:]

    def fit_errors(self, past: Tensor, targets: Tensor) -> None:
        """Take the errors of the naive forecast from training windows, standardised (B, E) and (B, H)."""
        _, spread = self.mean_and_spread(past)
        errors = (targets - naive(past, self.lag, targets.shape[1], self.seasons)) / spread
        self.errors = error_quantiles(errors, self.quantiles)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Standardise the inputs of windows by all rows: all fields of `Windows` but the targets."""
        static, past_reals, past_categoricals, future_reals, future_categoricals = inputs
        known = slice(future_reals.shape[-1])
        past_reals = ((wide(past_reals) - self.input_mean) / self.input_std).to(self.computes_in)
        future_reals = ((wide(future_reals) - self.input_mean[known]) / self.input_std[known]).to(self.computes_in)
        return static, past_reals, past_categoricals, future_reals, future_categoricals

    def by_window(self, *inputs: Tensor) -> tuple[tuple[Tensor, ...], Level | None]:
        """Return standardised inputs as a network takes them, and what brings its outputs back."""
        if not self.lag:
            return inputs, None
        static, past_reals, *others = inputs
        past = past_reals[..., -1]
        mean, spread = self.mean_and_spread(past)
        scaled = torch.cat([past_reals[..., :-1], ((past - mean) / spread)[..., None]], dim=-1)
        spread = spread[..., None]
        centre = naive(past, self.lag, len(self.errors), self.seasons)[..., None] + spread * self.errors
        return (static, scaled, *others), Level(centre, spread)

    def mean_and_spread(self, past: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the past (B, E) of each window is scaled by (B, 1): mean and standard deviation, or 0 and 1."""
        if not self.scales_windows:
            return torch.zeros_like(past[:, :1]), torch.ones_like(past[:, :1])
        variance, mean = torch.var_mean(past, dim=1, correction=0, keepdim=True)
        return mean, (variance + LEAST_VARIANCE).sqrt()


def restored(outputs: Tensor, level: Level | None) -> Tensor:
    """Return what outputs (B, H, Q) stand for, in standard deviations of all training rows."""
    return outputs if level is None else level.centre + level.spread * outputs
