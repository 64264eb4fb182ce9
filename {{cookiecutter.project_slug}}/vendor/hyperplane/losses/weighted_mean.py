"""The mean of a batch whose samples count differently.

Dimensions: B batch, ... the places of a sample in dense prediction, such as pixels or steps of a text.
"""

import torch
from torch import Tensor


def weighted_mean(losses: Tensor, weights: Tensor, counts: Tensor | None = None) -> Tensor:
    """Return Σᵢ wᵢ lᵢ / Σᵢ wᵢ, or 0 where all weights are 0.

    Args:
        losses: l (B, ...); the loss of a sample is their mean over its places.
        weights: w (B,).
        counts: how much each loss counts in its sample (B, ...); None: all the same.
    """
    w = weights.reshape(-1, *[1] * (losses.ndim - 1))
    total = (w * (torch.ones_like(losses) if counts is None else counts)).sum()
    return (w * losses).sum() / total.clamp(min=torch.finfo(total.dtype).tiny)
