"""Linear forecasters of time series: NLinear, for series that grow, and DLinear, for a trend with a season.

    NLinear   ŷ = (x − x_E) W + x_E + b
    DLinear   ŷ = t Wₜ + (x − t) Wₛ + b,    tᵢ = mean of x over the k steps around i; the ends are repeated

x is the past of the target. Everything else in a window (covariates, categories, series) is added as zV, a linear map.
If outputs are counted from a naive forecast (`data.scale=window`), it takes the place of x_E.

Both are linear regressions on x; they differ in where training begins and in how fast it converges.
Source: Zeng et al. 2023, "Are Transformers Effective for Time Series Forecasting?", https://arxiv.org/abs/2205.13504.

Dimensions: B batch, E encoder steps, H steps to forecast, Q quantiles.
"""

from hyperplane import DataSpec, PanelSpec
from hyperplane.networks.flat_windows import FlatWindows, require_panel
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional


class NLinear(nn.Module):
    """One affine map from the past, counted from its last value, to all quantiles of all steps.

    Raises:
        UserError: the data are not a panel.
    """

    forecasts = True  # reads windows of a panel

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        panel = require_panel(spec, "nlinear")
        self.adds_last = not panel.lag
        self.past = zeros(panel.encoder_length, panel)
        self.others = Others(panel)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map the inputs of windows, see `Windows`, to quantiles (B, H, Q)."""
        x = inputs[1][..., -1]  # (B, E)
        last = x[:, -1:]
        outputs = self.others(self.past(x - last), inputs)
        return outputs + last[..., None] if self.adds_last else outputs


class DLinear(nn.Module):
    """One affine map of the trend and one of the remainder, to all quantiles of all steps.

    Raises:
        UserError: the data are not a panel.
    """

    forecasts = True  # reads windows of a panel

    def __init__(
        self,
        spec: DataSpec,
        kernel_size: PositiveInt = 25,  # k, steps of the moving average
    ) -> None:
        super().__init__()
        panel = require_panel(spec, "dlinear")
        self.kernel_size = kernel_size
        self.trend = zeros(panel.encoder_length, panel)
        self.remainder = zeros(panel.encoder_length, panel, bias=False)
        self.others = Others(panel)

    def trend_of(self, x: Tensor) -> Tensor:
        """Return the moving average (B, E) of series (B, E)."""
        ends = (self.kernel_size - 1) // 2, self.kernel_size // 2
        padded = functional.pad(x[:, None], ends, mode="replicate")
        return functional.avg_pool1d(padded, self.kernel_size, stride=1)[:, 0]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map the inputs of windows, see `Windows`, to quantiles (B, H, Q)."""
        x = inputs[1][..., -1]  # (B, E)
        trend = self.trend_of(x)
        return self.others(self.trend(trend) + self.remainder(x - trend), inputs)


class Others(nn.Module):
    """Adds a linear map of everything in a window but the past of the target."""

    def __init__(self, panel: PanelSpec) -> None:
        super().__init__()
        self.windows = FlatWindows(panel)
        features = self.windows.features - panel.encoder_length
        self.map = zeros(features, panel, bias=False) if features else None
        self.quantiles = panel.output_size

    def forward(self, outputs: Tensor, inputs: tuple[Tensor, ...]) -> Tensor:
        """Return the sum, as quantiles (B, H, Q), for outputs (B, H · Q)."""
        if self.map is not None:
            static, past_reals, *others = inputs
            outputs = outputs + self.map(self.windows(static, past_reals[..., :-1], *others))
        return outputs.unflatten(1, (-1, self.quantiles))


def zeros(inputs: int, panel: PanelSpec, bias: bool = True) -> nn.Linear:
    """Return an affine map (B, inputs) → (B, H · Q) that begins at 0: the last value, or the naive forecast."""
    layer = nn.Linear(inputs, panel.decoder_length * panel.output_size, bias=bias)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer
