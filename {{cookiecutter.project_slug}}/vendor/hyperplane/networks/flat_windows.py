"""Windows of a panel as rows of numbers, or as signals, for models that take such inputs.

Real variables as they are, step after step, and a column of 0 and 1 for each category: the static ones once, the others
in each step. Dimensions: B batch, E encoder steps, C values of a step, H decoder steps, Q quantiles.
"""

import torch
from torch import Tensor, nn

from ..data.spec import DataSpec, PanelSpec
from ..errors import UserError


class SteppedWindows(nn.Module):
    """Maps the inputs of windows, see `Windows`, to their past as signals (B, E, C), and the rest as rows (B, others).

    The rest is static, or known in advance.
    """

    def __init__(self, panel: PanelSpec) -> None:
        super().__init__()
        count = panel.cardinalities
        static = [count[name] for name in panel.static_categoricals]
        past = [count[name] for name in panel.categoricals]
        future = [count[name] for name in panel.known_categoricals]
        self.cardinalities = static, past, future
        self.signal_shape = panel.encoder_length, len(panel.reals) + sum(past)
        self.others = sum(static) + panel.decoder_length * (len(panel.known_reals) + sum(future))

    def forward(self, *windows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the past and the rest."""
        static, past_reals, past, future_reals, future = windows
        columns = [
            [one_hot(values[..., i], count, past_reals.dtype) for i, count in enumerate(counts)]
            for values, counts in zip((static, past, future), self.cardinalities, strict=True)
        ]
        others = [column.flatten(1) for column in (future_reals, *columns[0], *columns[2])]
        return joined([past_reals, *columns[1]]), joined(others)


class FlatWindows(nn.Module):
    """Maps the inputs of windows, see `Windows`, to rows (B, features): their past, then the rest."""

    def __init__(self, panel: PanelSpec) -> None:
        super().__init__()
        self.stepped = SteppedWindows(panel)
        steps, values = self.stepped.signal_shape
        self.features = steps * values + self.stepped.others

    def forward(self, *windows: Tensor) -> Tensor:
        """Return reals and categories side by side."""
        past, others = self.stepped(*windows)
        return joined([past.flatten(1), others])


def one_hot(values: Tensor, count: int, dtype: torch.dtype) -> Tensor:
    """Return marks (..., count) of whole numbers (...); torch's own are of 64 bits, which thousands of series feel."""
    return (values[..., None] == torch.arange(count, device=values.device)).to(dtype)


def joined(parts: list[Tensor]) -> Tensor:
    """Return columns side by side; one part alone is not copied."""
    filled = [part for part in parts if part.shape[-1]]
    return filled[0] if len(filled) == 1 else torch.cat(parts, dim=-1)


def flat(x: Tensor, features: int, mask: Tensor | None = None) -> Tensor:
    """Return inputs (B, *input_shape) as rows (B, features); beyond the end of a signal is 0, the channel's mean."""
    if mask is None:
        return x.flatten(1)
    return x.masked_fill(~mask.unsqueeze(-1), 0).flatten(1)[:, :features]  # more padding than in training says nothing


def sizes_of(spec: DataSpec) -> tuple["FlatWindows | None", int]:
    """Return what flattens windows, if the data are a panel, and the number of outputs: K, or H · Q of a forecast."""
    if isinstance(spec, PanelSpec):
        return FlatWindows(spec), spec.decoder_length * spec.output_size
    return None, spec.output_size


def outputs_of(spec: DataSpec, windows: SteppedWindows | None) -> tuple[int, int]:
    """Return how many values stand beside what a network makes of the past, and the number of outputs."""
    if isinstance(spec, PanelSpec) and windows is not None:
        return windows.others, spec.decoder_length * spec.output_size
    return 0, spec.output_size


def begin_at_naive(output: nn.Linear, spec: DataSpec) -> None:
    """Let a last layer give out 0 where 0 stands for the naive forecast of a panel."""
    if isinstance(spec, PanelSpec) and spec.lag:
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)


def require_panel(spec: DataSpec, model: str) -> PanelSpec:
    """Return the spec of a panel, for a model that forecasts and nothing else.

    Raises:
        UserError: the data are something else.
    """
    if not isinstance(spec, PanelSpec):
        raise UserError(
            f"model={model} forecasts time series, but these data are for {spec.task} of single samples. "
            "Choose data=panel, or model=linear for single samples."
        )
    return spec
