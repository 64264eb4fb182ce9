"""The loss of quantiles, which measures forecasts and trains them.

Dimensions: B windows, H steps that are forecast, Q quantiles.
"""

from collections.abc import Sequence

import torch
from torch import Tensor


def quantile_loss(outputs: Tensor, targets: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Return max(q(t − o), (q − 1)(t − o)) for quantiles (B, H, Q) of targets (B, H), of the shape of the outputs.

    Its expectation is smallest where o is the q-quantile of t. Koenker & Bassett 1978, "Regression Quantiles".
    """
    q = outputs.new_tensor(quantiles)
    error = targets[..., None] - outputs
    return torch.maximum(q * error, (q - 1) * error)
