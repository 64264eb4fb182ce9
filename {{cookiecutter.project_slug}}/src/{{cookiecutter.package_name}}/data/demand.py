"""The demand of several shops over days: a panel whose quantiles are known.

    y_it = ℓᵢ + sᵢ t/100 + a_c(i) sin(2π(t + 2)/7) + p_c(i) · discountᵢₜ + σᵢₜ ε_it,   ε_it ~ N(0, 1)
    σᵢₜ  = σᵢ (1 + 2 discountᵢₜ)

Shop i belongs to a category c(i) (kiosk, market or outlet), which sets its weekly season a = 2, 5, 10 and what it gains
from a discount, p = 10, 40, 80. Level ℓᵢ ~ U(20, 60), trend sᵢ ~ U(−1, 2) a hundred days, noise σᵢ ~ U(1, 4). Every
seventh day or so a promotion of 1 to 3 days begins, with a discount of 0.1, 0.2 or 0.3 that is announced long before.
The temperature is observed, and says nothing about demand.

The q-quantile of y_it, all else known, is its mean + σᵢₜ z_q with z_q = Φ⁻¹(q). Its expected quantile loss is
σᵢₜ φ(z_q), which no forecast can fall below: φ and Φ are density and distribution function of N(0, 1).
"""

from math import exp, pi, sqrt
from statistics import NormalDist
from typing import Annotated, Any, Literal

import numpy as np
import torch
from hyperplane import PanelDataModule, PanelSpec
from hyperplane.data.panels.windows import Rows
from pydantic import Field, PositiveInt
from torch import Tensor

PANEL_SEED = 0  # the panel stays the same for every seed of a run
CATEGORIES = ("kiosk", "market", "outlet")
SEASON = np.array([2.0, 5.0, 10.0])  # amplitude of the week, by category
LIFT = np.array([10.0, 40.0, 80.0])  # gained at a discount of 1, by category


class Demand(PanelDataModule):
    """Daily demand of `num_series` shops over `num_steps` days."""

    def __init__(
        self,
        *,
        num_series: PositiveInt = 12,  # shops
        num_steps: Annotated[int, Field(ge=10)] = 500,  # days
        # As for every panel; here the level of a shop is known from training, and says more than that of a window
        scale: Literal["window", "all"] = "all",
        **options: Any,
    ) -> None:
        super().__init__(scale=scale, **options)
        self.num_series = num_series
        self.num_steps = num_steps

    def load(self) -> tuple[PanelSpec, Rows]:
        """Make the panel; `mean` and `noise` (rows,) hold the truth behind the targets."""
        random = np.random.default_rng(PANEL_SEED)
        n, steps = self.num_series, self.num_steps
        category = np.arange(n) % len(CATEGORIES)
        level, trend, noise = random.uniform(20, 60, n), random.uniform(-1, 2, n), random.uniform(1, 4, n)
        t = np.arange(steps)
        discount = np.zeros((n, steps))
        for i in range(n):
            for day in np.flatnonzero(random.random(steps) < 1 / 7):
                discount[i, day : day + random.integers(1, 4)] = random.choice([0.1, 0.2, 0.3])
        season = SEASON[category, None] * np.sin(2 * pi * (t + 2) / 7)
        mean = level[:, None] + trend[:, None] * t / 100 + season + LIFT[category, None] * discount
        noise = noise[:, None] * (1 + 2 * discount)
        demand = random.normal(mean, noise)
        temperature = 15 - 10 * np.cos(2 * pi * t / 365) + random.normal(0, 3, (n, steps))
        self.mean, self.noise = torch.from_numpy(mean).flatten(), torch.from_numpy(noise).flatten()

        def column(values: Any) -> Tensor:
            return torch.from_numpy(np.broadcast_to(values, (n, steps)).copy()).flatten()

        self.series_names = tuple(f"shop {i + 1}, {CATEGORIES[c]}" for i, c in enumerate(category))
        shop = column(np.arange(n)[:, None])
        rows = Rows(
            series=shop,
            time=column(t),
            reals=torch.stack([column(discount), column(temperature), column(demand)], dim=1),
            categoricals=column(t % 7)[:, None],
            static=torch.stack([shop, column(category[:, None])], dim=1),
        )
        panel = PanelSpec(
            encoder_length=self.encoder_length,
            decoder_length=self.decoder_length,
            quantiles=self.quantiles,
            target="demand (pieces a day)",
            static_categoricals=("shop", "category"),
            known_reals=("discount",),
            known_categoricals=("weekday",),
            observed_reals=("temperature",),
            cardinalities={"shop": n, "category": len(CATEGORIES), "weekday": 7},
        )
        return panel, rows

    def target_rows(self, starts: Tensor) -> Tensor:
        """Return the rows (B, H) of the targets of the windows at `starts`."""
        return starts[:, None] + self.encoder_length + torch.arange(self.decoder_length)

    def true_quantiles(self, starts: Tensor) -> Tensor:
        """Return the quantiles (B, H, Q) of the targets of the windows at `starts`."""
        rows = self.target_rows(starts)
        z = torch.tensor([NormalDist().inv_cdf(q) for q in self.quantiles], dtype=torch.float64)
        return self.mean[rows][..., None] + self.noise[rows][..., None] * z

    def best_possible(self, part: str) -> float:
        """Return the expected quantile loss of the true quantiles, over the targets of a part."""
        densities = [exp(-(NormalDist().inv_cdf(q) ** 2) / 2) / sqrt(2 * pi) for q in self.quantiles]
        return float(self.noise[self.target_rows(self.starts[part])].mean()) * sum(densities) / len(densities)
