"""A damped oscillator: u″ + 2γ u′ + ω² u = 0 with u(0) = 1, u′(0) = 0."""

from typing import Any

import numpy as np
from hyperplane import ArrayDataModule, Arrays, DataSpec
from pydantic import PositiveFloat, PositiveInt


class Oscillator(ArrayDataModule):
    """Times between 0 and `duration`, and the exact solution: metrics compare with it, a loss need not look at it."""

    def __init__(
        self,
        *,
        damping: PositiveFloat = 0.5,  # γ, in 1/s; less than the frequency
        frequency: PositiveFloat = 4.0,  # ω, in 1/s
        duration: PositiveFloat = 2.0,  # s
        points: PositiveInt = 200,  # times that are drawn
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.damping, self.frequency, self.duration, self.points = damping, frequency, duration, points

    def load(self) -> Arrays:
        """Draw times to train on; the test is on a grid."""
        self.spec = DataSpec("regression", (1,), 1, feature_names=("time (s)",), target_names=("displacement (m)",))
        drawn = np.random.default_rng(self.seed).uniform(0, self.duration, (self.points, 1)).astype(np.float32)
        grid = np.linspace(0, self.duration, 100, dtype=np.float32)[:, None]
        return Arrays(drawn, self.solution(drawn), grid, self.solution(grid))

    def solution(self, t: Any) -> Any:
        """Return u at times t."""
        w = float(np.sqrt(self.frequency**2 - self.damping**2))
        return np.exp(-self.damping * t) * (np.cos(w * t) + self.damping / w * np.sin(w * t))
