"""The mean of a batch whose samples count differently.

Dimensions: B batch, ... the places of a sample in dense prediction, such as pixels or steps of a text.
"""

import torch
from torch import Tensor


def weighted_mean(losses: Tensor, weights: Tensor, counts: Tensor | None = None) -> Tensor:
    """Return Σᵢ wᵢ lᵢ / Σᵢ wᵢ, or 0 where all weights are 0.

    Losses l are (B, ...): that of a sample is the mean over its places, where `counts` (B, ...) say how much each
    counts. Weights w are (B,).
    """
    w = weights.reshape(-1, *[1] * (losses.ndim - 1))
    total = (w * (torch.ones_like(losses) if counts is None else counts)).sum()
    return (w * losses).sum() / total.clamp(min=torch.finfo(total.dtype).tiny)
