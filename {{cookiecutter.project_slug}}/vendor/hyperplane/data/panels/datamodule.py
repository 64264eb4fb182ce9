"""Panels as data modules: split by time, standardised, with the naive forecasts of their windows."""

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor

from ...errors import UserError
from ...metrics.quantile_loss import quantile_loss
from ...setting_types import FoldOf, Increasing, InnerFraction, ProperFraction, wrong_fold
from ..spec import PanelSpec
from .naive import best_lag, best_naive, error_quantiles, naive
from .scale_choice import MOST_WINDOWS, HeldOut, choose_scale
from .scaling import PanelScaling
from .splitting import Boundaries, boundaries, no_window, starts_of_parts
from .window_loaders import WindowLoaders
from .windows import Rows, windows_at

# From so many training windows on a network learns levels from nothing, in units of all rows; fewer begin at the naive
# forecast, whose noise has to be unlearned. The TFT's quantile loss from nothing and from there: 0.90 and 1.04 on
# data=demand (3,400 windows), 15.3 and 10.1 on sunspots (164).
MANY_WINDOWS = 2_000
HELD_OUT = 0.2  # of the training time, where there is no validation, to choose the scale by


class PanelDataModule(WindowLoaders):
    """A panel that fits in memory, split by time: all series are trained on before they are tested.

    A window belongs to the part that holds all its targets; its past may reach into the part before. So the targets of
    the parts never overlap, and those of validation and test are later than all that was trained on.
    """

    series_names: tuple[str, ...]
    time = "time"  # what the axis of a figure says
    remedy = ""  # what else helps where no window fits
    is_filled: NDArray[np.bool_] | None = None  # (rows,) whose targets are not measured, if there are some

    def __init__(
        self,
        *,
        batch_size: PositiveInt = 100,  # windows in a training batch, at most
        val_fraction: ProperFraction = 0.2,  # of the time steps before the test, their last ones, held out to choose by
        test_fraction: InnerFraction = 0.2,  # of all time steps, the last ones
        shuffle: bool = True,  # draw the training windows in a new order in every epoch
        standardize: bool = True,  # real variables and the target to mean 0, standard deviation 1 over training rows
        # What the target is scaled by besides: its own mean and spread in each window, for series that grow; or no more
        # than the training rows of all series, so that a model can tell their levels; auto: what forecasts the
        # validation windows better, see `scale_choice.py`
        scale: Literal["auto", "window", "all"] = "auto",
        encoder_length: PositiveInt = 28,  # E, steps of the past that a forecast sees
        decoder_length: PositiveInt = 7,  # H, steps that are forecast
        # What is forecast: values that the target stays below with these probabilities
        quantiles: Annotated[tuple[InnerFraction, ...], Field(min_length=1), Increasing] = (0.1, 0.5, 0.9),
        # Blocks of time steps, one after the other, that a cross-validation tests; None: test_fraction says what is
        folds: Annotated[int, Field(ge=2)] | None = None,
        # Which block is tested, counted from 0; what comes before it is for training and validation, the rest unused
        fold: Annotated[NonNegativeInt | None, FoldOf("folds")] = None,
        seed: int,  # of the batch order
    ) -> None:
        super().__init__()
        wrong = wrong_fold(folds, fold)
        if wrong:
            raise UserError(wrong)
        self.batch_size = batch_size
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.shuffle = shuffle
        self.standardize = standardize
        self.scale = scale
        self.encoder_length = encoder_length
        self.decoder_length = decoder_length
        self.quantiles = tuple(quantiles)
        self.folds = folds
        self.fold = fold
        self.seed = seed
        self.starts = {}

    @abstractmethod
    def load(self) -> tuple[PanelSpec, Rows]:
        """Return the panel, in the units of the data; from here on `series_names` is known."""

    def best_possible(self, part: str) -> float | None:
        """Return the expected quantile loss of a forecaster who knows the truth, if it is known."""
        return None

    def true_quantiles(self, starts: Tensor) -> Tensor | None:
        """Return the quantiles (B, H, Q) of the targets of the windows at `starts`, if they are known."""
        return None

    def setup(self, stage: str | None = None) -> None:
        """Load the panel once, split it by time and standardise it."""
        if self.starts:
            return
        panel, self.rows = self.load()
        self.split(panel)
        windows = windows_at(self.starts["train"], self.rows, panel)
        past, targets = windows.past_reals[..., -1], windows.targets
        trained = self.rows.reals[self.rows.time < self.first_val]
        first = trained[0, -1]
        if bool((trained[:, -1] == first).all()):
            logger.warning("{} is {:g} in all training rows: they do not show how it changes.", panel.target, first)
        # The last value, and the season that fits the training windows best.
        self.lags = (1, best_lag(past, targets, self.quantiles, least=2)) if self.encoder_length > 1 else (1,)
        lag, seasons = best_naive(past, targets, self.quantiles)
        self.mase_lag = lag
        size = len(self.starts["train"])
        by_window = replace(panel, train_size=size, lag=lag, seasons=seasons, by_window=True)
        by_all = replace(by_window, by_window=False)
        # The naive forecast holds the effect that known variables had, so that a network would not learn it from them.
        if panel.known_reals or panel.known_categoricals or size >= MANY_WINDOWS:
            by_all = replace(by_all, lag=0, seasons=1)
        scaling = PanelScaling(by_all)
        if self.standardize:
            scaling.fit(trained, trained[:, -1:])
        scaled = (self.rows.reals - scaling.input_mean) / scaling.input_std
        self.scaled = self.rows._replace(reals=scaled.float())
        candidates = {"auto": [by_window, by_all], "window": [by_window], "all": [by_all]}[self.scale]
        self.spec, reason = choose_scale(candidates, *self.held_out(panel))
        if self.scale == "auto":
            logger.info("data.scale={}: {}", "window" if self.spec.by_window else "all", reason)
        self.scaling = PanelScaling(self.spec)
        if self.standardize:
            self.scaling.fit(trained, trained[:, -1:])
        if self.spec.lag:
            windows = windows_at(self.starts["train"], self.scaled, panel)
            self.scaling.fit_errors(windows.past_reals[..., -1], windows.targets)

    def held_out(self, panel: PanelSpec) -> tuple[HeldOut, HeldOut]:
        """Return training windows, and those that follow and choose: of validation, or the last of the training."""
        first, last = self.starts["train"], self.starts["val"]
        if not self.validates:
            begin, end = (self.rows.time[first + panel.encoder_length + step] for step in (0, panel.decoder_length - 1))
            cut = self.first_val - round(HELD_OUT * (self.first_val - int(begin.min())))
            first, last = first[end < cut], first[begin >= cut]
        length = panel.encoder_length + panel.decoder_length
        sums = torch.cat([torch.zeros(1, dtype=torch.double), self.scaled.reals[:, -1].double().cumsum(dim=0)])

        def held(starts: Tensor) -> HeldOut:
            few = windows_at(starts[:: max(1, -(-len(starts) // MOST_WINDOWS))], self.scaled, panel)
            return HeldOut(few, self.rows.series[starts], (sums[starts + length] - sums[starts]) / length)

        return held(first), held(last)

    def naive_errors(self, part: str, lag: int) -> Tensor:
        """Return target minus naive forecast (B, H) of the windows of a part, in units of the target."""
        windows = self.raw_windows(self.starts[part])
        return windows.targets - naive(windows.past_reals[..., -1], lag, self.decoder_length)

    def naive_losses(self, part: str) -> dict[int, float]:
        """Return the quantile loss of naive forecasts on the windows of a part, in units of the target, by their lag.

        Their quantiles are those of their errors on the training windows.
        """
        losses = {}
        for lag in self.lags:
            bands = error_quantiles(self.naive_errors("train", lag), self.quantiles)
            losses[lag] = float(quantile_loss(bands, self.naive_errors(part, lag), self.quantiles).mean())
        return losses

    def mase_scale(self) -> float:
        """Return mean |yₜ − yₜ₋ₘ| over the training rows, m the lag of their best naive forecast: what MASE divides by.

        Source: Hyndman & Koehler 2006, "Another look at measures of forecast accuracy", equation 3, with seasons.
        """
        now, before = self.rows.reals[self.mase_lag :, -1], self.rows.reals[: -self.mase_lag, -1]
        same = self.rows.series[self.mase_lag :] == self.rows.series[: -self.mase_lag]
        is_pair = same & (self.rows.time[self.mase_lag :] < self.first_val)
        return float((now - before)[is_pair].abs().mean())

    def boundaries(self, time: Tensor) -> Boundaries:
        """Return where validation and test begin, and where the test ends."""
        return boundaries(time, self.val_fraction, self.test_fraction, self.folds, self.fold)

    def split(self, panel: PanelSpec) -> None:
        """Find the windows of each part.

        Raises:
            UserError: a part holds no window.
        """
        bounds = self.boundaries(self.rows.time)
        self.first_val = bounds.first_val
        if self.folds is not None:
            logger.info(
                "Fold {} of 0 to {}: time steps {} to {} are the test, those before are trained and validated on.",
                self.fold,
                self.folds - 1,
                bounds.first_test - bounds.first,
                bounds.end - 1 - bounds.first,
            )
        self.starts = starts_of_parts(self.rows, panel, bounds, self.is_filled)
        for part in ("train", "test", *(["val"] if self.validates else [])):
            if not len(self.starts[part]):
                raise UserError(no_window(part, panel, bounds, self.fold) + self.remedy)
