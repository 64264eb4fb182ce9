"""The transformer encoder.

    h⁰ = patches of x · W + positional encoding;  for a text W[x] + positional encoding
    h ← h + attention(norm(h)),  attention = softmax(QKᵀ/√d)V in each head
    h ← h + GELU(norm(h) W₁ + b₁) W₂ + b₂
    ŷ = mean over tokens of norm(h) · W + b; or, as in the vision transformer, a learned first token instead of the mean

Positions that a mask marks as padding are excluded from attention and from the mean.

For a panel, it forecasts the quantiles of all steps directly: patches of the past are tokens, and what is known in
advance is concatenated with their mean.

Sources: Vaswani et al. 2017, "Attention Is All You Need", https://arxiv.org/abs/1706.03762; the norm before each layer:
Xiong et al. 2020, https://arxiv.org/abs/2002.04745; images in patches: Dosovitskiy et al. 2021,
https://arxiv.org/abs/2010.11929.

Dimensions: B batch, T tokens, P values of a patch, E model size, N heads, D = E/N, F feedforward size, K outputs;
a signal has L positions and C channels, an image H rows and W columns of C channels.
"""

import math
from typing import Annotated, Literal

import torch
from hyperplane import DataSpec, PanelSpec, UserError
from hyperplane.networks.flat_windows import SteppedWindows, begin_at_naive, outputs_of
from hyperplane.networks.tokens import Embedding
from hyperplane.setting_types import Divides, Dropout
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional


class Patches(nn.Module):
    """Cuts a sample into patches, padded with zeros at its end: each becomes a token.

    A signal (L, C) is cut along its positions, an image (H, W, C) into squares, row by row. In a table (features,)
    every feature is a patch.

    Args:
        input_shape: shape of a sample.
        patch_size: positions, or rows and columns, of a patch.
    """

    def __init__(self, input_shape: tuple[int, ...], patch_size: int) -> None:
        super().__init__()
        p = self.patch_size = patch_size if len(input_shape) > 1 else 1
        *lengths, channels = input_shape if len(input_shape) > 1 else (*input_shape, 1)
        self.padding = [0, 0]  # of the channels; then of the last length, ...
        for length in reversed(lengths):
            self.padding += [0, -length % p]
        self.num_tokens = math.prod(math.ceil(length / p) for length in lengths)
        self.num_values = p ** len(lengths) * channels

    def forward(self, x: Tensor) -> Tensor:
        """Cut (B, *input_shape) into patches (B, T, P)."""
        p = self.patch_size
        x = functional.pad(x if x.dim() > 2 else x[..., None], self.padding)
        if x.dim() == 4:  # (B, H, W, C) → (B, rows of patches, columns of patches, p, p, C)
            x = x.unflatten(2, (-1, p)).unflatten(1, (-1, p)).transpose(2, 3)
        return x.reshape(x.shape[0], self.num_tokens, self.num_values)

    def masked(self, mask: Tensor) -> Tensor:
        """Return which patches (B, T) of a signal are more than padding, for a mask (B, L) that is false at padding."""
        padded = ~functional.pad(mask, self.padding[2:])  # fails for other inputs than a mask
        return ~padded.unflatten(1, (-1, self.patch_size)).all(dim=2)


class Attention(nn.Module):
    """softmax(QKᵀ/√d)V: every token takes a mean of all tokens' values, weighted by how well query and key match.

    Args:
        model_size: E.
        num_heads: N, each with D = E/N values.
        dropout: probability that an attention weight is set to zero in training.
    """

    def __init__(self, model_size: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.query_key_value = nn.Linear(model_size, 3 * model_size)
        self.output = nn.Linear(model_size, model_size)

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map tokens (B, T, E) to (B, T, E); tokens where mask (B, T) is false are ignored."""
        parts = self.query_key_value(h).unflatten(2, (3, self.num_heads, -1))  # (B, T, 3, N, D)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (B, N, T, D) each
        dropout = self.dropout if self.training else 0.0
        attended = None if mask is None else mask[:, None, None]
        means = functional.scaled_dot_product_attention(q, k, v, attended, dropout)  # (B, N, T, D)
        return self.output(means.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention between tokens, then the same small network for each token; both are added to the input."""

    def __init__(self, model_size: int, num_heads: int, feedforward_size: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(model_size)
        self.attention = Attention(model_size, num_heads, dropout)
        self.feedforward_norm = nn.LayerNorm(model_size)
        self.feedforward = nn.Sequential(
            nn.Linear(model_size, feedforward_size),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(feedforward_size, model_size),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, h: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map tokens (B, T, E) to (B, T, E); mask (B, T) is false at padding."""
        h = h + self.dropout(self.attention(self.attention_norm(h), mask))
        return h + self.dropout(self.feedforward(self.feedforward_norm(h)))


class Transformer(nn.Module):
    """Blocks of attention over the patches of a sample, then one linear layer over their mean.

    Samples are signals (L, C), images (H, W, C), rows of a table (features,), or tokens of a text (L,).

    Raises:
        UserError: the data have another shape.
    """

    forecasts = True  # reads windows of a panel
    reads_tokens = True  # of texts

    def __init__(
        self,
        spec: DataSpec,
        # Positions of a signal, or rows and columns of an image, in a token; null: an eighth of the longest side, at
        # least 2. Unused for tables, where each feature is a token, and for texts
        patch_size: PositiveInt | None = 4,
        model_size: PositiveInt = 32,  # E, values of a token
        num_heads: Annotated[PositiveInt, Divides("model_size")] = 4,  # N of the attention; a divisor of model_size
        num_layers: PositiveInt = 2,  # blocks
        feedforward_size: PositiveInt = 64,  # F, hidden units of the network for each token
        # Fixed, learned, or none: then the tokens are a set without order
        positional_encoding: Literal["sinusoidal", "learned", "none"] = "sinusoidal",
        # The input of the last layer: the mean over all tokens, or a learned token before them
        pooling: Literal["mean", "class_token"] = "mean",
        dropout: Dropout = 0.0,  # probability that a value or an attention weight is set to zero in training
    ) -> None:
        super().__init__()
        if len(spec.input_shape) > 3:
            raise UserError(
                f"model=transformer reads tables, signals and images, but these data have the shape "
                f"{spec.input_shape}. Try model=mlp."
            )
        self.windows = SteppedWindows(spec) if isinstance(spec, PanelSpec) else None
        self.quantiles = spec.output_size
        shape = spec.input_shape if self.windows is None else self.windows.signal_shape
        self.patches = Patches(shape, patch_size or max(2, round(max(shape[:-1], default=1) / 8)))
        self.class_token = nn.Parameter(torch.zeros(1, 1, model_size)) if pooling == "class_token" else None
        self.reads_text = spec.num_tokens > 0
        self.embedding: nn.Module
        if self.reads_text:
            self.embedding = Embedding(spec.num_tokens, model_size)
        else:
            self.embedding = nn.Linear(self.patches.num_values, model_size)
        positions = torch.zeros(self.patches.num_tokens, model_size)
        if positional_encoding == "sinusoidal":
            positions = sinusoids(*positions.shape)
        if positional_encoding == "learned":
            self.positions: Tensor = nn.Parameter(nn.init.normal_(positions, std=0.02))
        else:
            self.register_buffer("positions", positions, persistent=False)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(model_size, num_heads, feedforward_size, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(model_size)
        others, outputs = outputs_of(spec, self.windows)
        self.output = nn.Linear(model_size + others, outputs)
        begin_at_naive(self.output, spec)

    def forward(self, x: Tensor, *others: Tensor) -> Tensor:
        """Map inputs (B, *input_shape), and their mask (B, L) if there is one, to outputs (B, K).

        The inputs of windows, see `Windows`, become quantiles.
        """
        if self.windows is None:
            return self.output(self.encode(x, *others))
        past, known = self.windows(x, *others)
        return self.output(torch.cat([self.encode(past), known], dim=1)).unflatten(1, (-1, self.quantiles))

    def encode(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the mean over the tokens of samples, or their class token (B, E)."""
        if not self.reads_text:
            x, mask = self.patches(x), None if mask is None else self.patches.masked(mask)
        h = self.dropout(self.embedding(x) + self.positions[: x.shape[1]])  # (B, T, E)
        if self.class_token is not None:
            h = torch.cat([self.class_token.expand(h.shape[0], -1, -1), h], dim=1)
            mask = None if mask is None else functional.pad(mask, (1, 0), value=True)
        for block in self.blocks:
            h = block(h, mask)
        if self.class_token is not None:
            return self.norm(h[:, 0])
        if mask is None:
            return self.norm(h).mean(dim=1)
        return (self.norm(h) * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)


def sinusoids(num_tokens: int, model_size: int) -> Tensor:
    """Return sin(t ωᵢ) and cos(t ωᵢ) in turn, ωᵢ = 10000^(−2i/E), for each token t (T, E): Vaswani, section 3.5."""
    frequencies = 10_000.0 ** (-torch.arange(0, model_size, 2) / model_size)
    angles = torch.arange(num_tokens)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)[:, :model_size]
