"""The bag of words: how often each token occurs in a text, whatever their order.

    xᵥ = |{i : tokenᵢ = v}|

Dimensions: B batch, L positions of a text, V tokens of the vocabulary.
"""

import torch
from torch import Tensor


def bag_of_words(tokens: Tensor, mask: Tensor | None = None, *, num_tokens: int) -> Tensor:
    """Return the counts (B, V) of tokens (B, L); those where the mask (B, L) is false do not count."""
    counted = torch.ones_like(tokens, dtype=torch.get_default_dtype()) if mask is None else mask.float()
    return counted.new_zeros(tokens.shape[0], num_tokens).scatter_add(1, tokens, counted)
