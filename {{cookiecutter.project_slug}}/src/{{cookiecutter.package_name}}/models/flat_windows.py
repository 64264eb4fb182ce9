"""Windows of a panel as rows of numbers, for models that take such rows.

Real variables as they are, step after step, and a column of 0 and 1 for each category: the static ones once, the others
in each step. Dimensions: B batch, E encoder steps, H decoder steps, Q quantiles.
"""

import torch
from hyperplane import DataSpec, PanelSpec
from torch import Tensor, nn
from torch.nn import functional


class FlatWindows(nn.Module):
    """Maps the inputs of windows, see `Windows`, to rows (B, features)."""

    def __init__(self, panel: PanelSpec) -> None:
        super().__init__()
        count = panel.cardinalities
        static = [count[name] for name in panel.static_categoricals]
        past = [count[name] for name in panel.categoricals]
        future = [count[name] for name in panel.known_categoricals]
        self.cardinalities = static, past, future
        each_past, each_future = len(panel.reals) + sum(past), len(panel.known_reals) + sum(future)
        self.features = sum(static) + panel.encoder_length * each_past + panel.decoder_length * each_future

    def forward(self, *windows: Tensor) -> Tensor:
        """Return reals and categories side by side."""
        static, past_reals, past, future_reals, future = windows
        columns = [past_reals.flatten(1), future_reals.flatten(1)]
        for categories, cardinalities in zip((static, past, future), self.cardinalities, strict=True):
            for number, cardinality in enumerate(cardinalities):
                columns.append(functional.one_hot(categories[..., number], cardinality).flatten(1).to(past_reals.dtype))
        return torch.cat(columns, dim=1)


def sizes_of(spec: DataSpec) -> tuple["FlatWindows | None", int]:
    """Return what flattens windows, if the data are a panel, and the number of outputs: K, or H · Q of a forecast."""
    if isinstance(spec, PanelSpec):
        return FlatWindows(spec), spec.decoder_length * spec.output_size
    return None, spec.output_size


def begin_at_naive(output: nn.Linear, spec: DataSpec) -> None:
    """Let a last layer give out 0 where 0 stands for the naive forecast of a panel."""
    if isinstance(spec, PanelSpec) and spec.lag:
        nn.init.zeros_(output.weight)
        nn.init.zeros_(output.bias)
