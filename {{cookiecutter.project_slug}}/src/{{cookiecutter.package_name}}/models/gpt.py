"""GPT: a transformer that predicts the next token at each position of a text from the tokens up to it.

    h⁰ = W[x] + P
    h ← h + attention(norm(h)),  attention = softmax(QKᵀ/√d + M)V in each head;  Mᵢⱼ = 0 for j ≤ i, else −∞
    h ← h + GELU(norm(h) W₁ + b₁) W₂ + b₂
    logits = norm(h) Wᵀ

P are learned positional embeddings. The embedding W serves twice: a token is likely to come next if its embedding is
similar to h.

Sources: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners"; one W for both, Press & Wolf 2017,
https://arxiv.org/abs/1608.05859.

Dimensions: B batch, T positions of a text, V tokens of the vocabulary, E model size, N heads, D = E/N.
"""

from typing import Annotated

import torch
from hyperplane import DataSpec, UserError
from hyperplane.setting_types import Divides, Dropout
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional


class CausalAttention(nn.Module):
    """softmax(QKᵀ/√d + M)V: each position takes a weighted mean of the values at the positions up to its own."""

    def __init__(self, model_size: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.query_key_value = nn.Linear(model_size, 3 * model_size)
        self.output = nn.Linear(model_size, model_size)

    def forward(self, h: Tensor) -> Tensor:
        """Map (B, T, E) to (B, T, E)."""
        parts = self.query_key_value(h).unflatten(2, (3, self.num_heads, -1))  # (B, T, 3, N, D)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (B, N, T, D) each
        dropout = self.dropout if self.training else 0.0
        means = functional.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        return self.output(means.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention to earlier positions, then the same small network at each position; both are added to the input."""

    def __init__(self, model_size: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(model_size)
        self.attention = CausalAttention(model_size, num_heads, dropout)
        self.feedforward_norm = nn.LayerNorm(model_size)
        self.feedforward = nn.Sequential(
            nn.Linear(model_size, 4 * model_size), nn.GELU(), nn.Linear(4 * model_size, model_size)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, h: Tensor) -> Tensor:
        """Map (B, T, E) to (B, T, E)."""
        h = h + self.dropout(self.attention(self.attention_norm(h)))
        return h + self.dropout(self.feedforward(self.feedforward_norm(h)))


class GPT(nn.Module):
    """Blocks of causal attention over the tokens of a text.

    Raises:
        UserError: the data have another task than predicting the next token of a text.
    """

    predicts_next = True  # token, at each position of a text

    def __init__(
        self,
        spec: DataSpec,
        model_size: PositiveInt = 64,  # E, values of a token
        num_heads: Annotated[PositiveInt, Divides("model_size")] = 4,  # N of the attention; a divisor of model_size
        num_layers: PositiveInt = 2,  # blocks
        dropout: Dropout = 0.0,  # probability that a value or an attention weight is set to zero in training
    ) -> None:
        super().__init__()
        if spec.task != "next_token":
            raise UserError(f"model=gpt predicts the next token of data=corpus; these data are for {spec.task}")
        self.tokens = nn.Embedding(spec.num_tokens, model_size)
        self.positions = nn.Parameter(torch.empty(spec.input_shape[0], model_size))
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(model_size, num_heads, dropout) for _ in range(num_layers)))
        self.norm = nn.LayerNorm(model_size)
        for parameter in self.parameters():
            if parameter.ndim == 2:
                nn.init.normal_(parameter, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Map tokens (B, T) to logits (B, V, T) of the token after each position; T may be shorter than in training."""
        h = self.blocks(self.dropout(self.tokens(x) + self.positions[: x.shape[1]]))  # (B, T, E)
        return (self.norm(h) @ self.tokens.weight.T).transpose(1, 2)
