"""N-BEATS: a forecast that is a sum over blocks, each of which reads what the blocks before it could not explain.

    h = ReLU layers of (xₗ, z)      x₁ is the past of the target
    xₗ₊₁ = xₗ − (h Vₗ + aₗ)           without the block's backcast, what it explains of the past
    ŷ = Σₗ (h Wₗ + bₗ)               the parts of the forecast

z is everything else in a window (covariates, categories, series). V and W are learned: the paper's generic basis.

Source: Oreshkin et al. 2020, "N-BEATS: Neural Basis Expansion Analysis for Interpretable Time Series Forecasting",
https://arxiv.org/abs/1905.10437; covariates beside the past: Olivares et al. 2023, https://arxiv.org/abs/2104.05522.

Dimensions: B batch, E encoder steps, H steps to forecast, Q quantiles.
"""

from collections.abc import Sequence
from itertools import pairwise, zip_longest

import torch
from hyperplane import DataSpec
from hyperplane.networks.flat_windows import FlatWindows, begin_at_naive, require_panel
from pydantic import PositiveInt
from torch import Tensor, nn


class NBeats(nn.Module):
    """Blocks, each with its own weights, one after the other.

    Raises:
        UserError: the data are not a panel.
    """

    forecasts = True  # reads windows of a panel

    def __init__(
        self,
        spec: DataSpec,
        num_blocks: PositiveInt = 4,  # the more blocks, the smaller the part of each
        num_layers: PositiveInt = 4,  # hidden layers of each block
        hidden_size: PositiveInt = 64,  # units of a hidden layer
    ) -> None:
        super().__init__()
        panel = require_panel(spec, "n_beats")
        self.windows = FlatWindows(panel)
        self.quantiles = panel.output_size
        sizes = [self.windows.features, *[hidden_size] * num_layers]
        self.blocks = nn.ModuleList(relu_layers(sizes) for _ in range(num_blocks))
        # The last block has no backcast: no block would read it.
        self.backcasts = nn.ModuleList(nn.Linear(hidden_size, panel.encoder_length) for _ in range(num_blocks - 1))
        outputs = panel.decoder_length * panel.output_size
        parts = [nn.Linear(hidden_size, outputs) for _ in range(num_blocks)]
        for part in parts:
            begin_at_naive(part, panel)
        self.parts = nn.ModuleList(parts)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map the inputs of windows, see `Windows`, to quantiles (B, H, Q)."""
        static, past_reals, *others = inputs
        x, z = past_reals[..., -1], self.windows(static, past_reals[..., :-1], *others)
        forecast = x.new_zeros(())
        for block, part, backcast in zip_longest(self.blocks, self.parts, self.backcasts):
            h = block(torch.cat([x, z], dim=1))
            forecast = forecast + part(h)
            x = x - backcast(h) if backcast is not None else x
        return forecast.unflatten(1, (-1, self.quantiles))


def relu_layers(sizes: Sequence[int]) -> nn.Sequential:
    """Return affine maps from each size to the next, each followed by a ReLU."""
    return nn.Sequential(*(module for d, h in pairwise(sizes) for module in (nn.Linear(d, h), nn.ReLU())))
