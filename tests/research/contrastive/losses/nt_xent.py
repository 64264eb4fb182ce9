"""The loss of SimCLR, Chen et al. 2020: nearest of all other embeddings should be that of the same image."""

import torch
from pydantic import PositiveFloat
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize


class NTXent(nn.Module):
    """−log softmax over all others of cos(zᵢ, zⱼ) / τ, at the other view j of the same image."""

    def __init__(self, temperature: PositiveFloat = 0.2) -> None:  # τ
        super().__init__()
        self.temperature = temperature

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the mean loss () of embeddings (B, K) of two views."""
        z = normalize(torch.cat([first, second]))
        similarity = z @ z.T / self.temperature
        similarity.fill_diagonal_(-torch.inf)  # nothing is compared with itself
        return cross_entropy(similarity, torch.arange(len(z), device=z.device).roll(len(first)))
