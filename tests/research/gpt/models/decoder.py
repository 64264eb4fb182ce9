"""GPT: attention to what came before, Radford et al. 2018, in the form of nanoGPT.

Dimensions: B batch, T tokens of a sample, E values of a token, N heads, V tokens that there are.
"""

import torch
from hyperplane import DataSpec
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Block(nn.Module):
    """h + attention(h), then h + mlp(h)."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.query_key_value = nn.Linear(size, 3 * size)
        self.output = nn.Linear(size, size)
        self.mlp = nn.Sequential(nn.Linear(size, 4 * size), nn.GELU(), nn.Linear(4 * size, size))

    def forward(self, h: Tensor) -> Tensor:
        """Map tokens (B, T, E) to (B, T, E)."""
        q, k, v = self.query_key_value(self.norm_1(h)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        means = scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, N, T, E/N)
        h = h + self.output(means.transpose(1, 2).flatten(2))
        return h + self.mlp(self.norm_2(h))


class GPT(nn.Module):
    """Says at every place which token comes next.

    Args:
        spec: of the text.
        size: E.
        heads: N of each block; a divisor of size.
        layers: blocks.
    """

    def __init__(self, spec: DataSpec, size: int = 32, heads: int = 4, layers: int = 2) -> None:
        super().__init__()
        self.tokens = nn.Embedding(spec.num_tokens, size)
        self.positions = nn.Embedding(spec.input_shape[0], size)
        self.blocks = nn.Sequential(*(Block(size, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(size)
        self.output = nn.Linear(size, spec.num_tokens)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, T) to logits (B, V, T); T may be shorter than in training."""
        h = self.tokens(x) + self.positions(torch.arange(x.shape[1], device=x.device))
        return self.output(self.norm(self.blocks(h))).transpose(1, 2)
