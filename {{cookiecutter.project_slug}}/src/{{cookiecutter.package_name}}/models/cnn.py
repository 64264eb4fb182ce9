"""The convolutional network for signals, images and texts.

    h₁ = σ(x ∗ W₁ + b₁),  hₗ = σ(hₗ₋₁ ∗ Wₗ + bₗ)
    ŷ  = flatten(h_L) W + b,   for signals of unequal lengths  mean(h_L) W + b  over the positions that are not padding

∗ is the cross-correlation along the positions of a signal, or the rows and columns of an image; the same weights serve
every neighbourhood. For a text, x are embedded tokens: each value of the embedding is a channel. Sources: LeCun et al.
1998, "Gradient-Based Learning Applied to Document Recognition"; texts: Kim 2014, https://arxiv.org/abs/1408.5882.

Dimensions: B batch, L positions of a signal or a text, H × W rows and columns of an image, C channels, K outputs.
"""

import math
from typing import Annotated

import torch
from hyperplane import DataSpec, UserError
from hyperplane.networks.tokens import Embedding
from hyperplane.setting_types import Dropout, SameLength
from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

from .activations import ACTIVATIONS, Activation

CONVOLUTIONS: dict[int, type[nn.Conv1d | nn.Conv2d]] = {1: nn.Conv1d, 2: nn.Conv2d}


class CNN(nn.Module):
    """Strided convolutions over inputs (L, C) or (H, W, C), then one linear layer over the result.

    Raises:
        UserError: the data are neither signals, images nor texts, or too small for these convolutions.
    """

    reads_tokens = True  # of texts

    def __init__(
        self,
        spec: DataSpec,
        channels: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (25, 25, 25),  # C of each convolution
        # Width of each convolution, in positions; for images it is a square
        kernel_sizes: Annotated[tuple[PositiveInt, ...], SameLength("channels")] = (5, 3, 3),
        stride: PositiveInt = 2,  # positions between two neighbouring outputs of a convolution
        padding: NonNegativeInt = 1,  # zeros put on all ends before each convolution
        activation: Activation = "relu",  # σ, after each convolution
        dropout: Dropout = 0.0,  # probability that an activation is set to zero in training
        embedding_size: PositiveInt = 32,  # C of a token of a text; unused for other data
    ) -> None:
        super().__init__()
        self.embedding = Embedding(spec.num_tokens, embedding_size) if spec.num_tokens else None
        shape = (*spec.input_shape, embedding_size) if self.embedding else spec.input_shape
        self.positions, (*lengths, input_channels) = shape[0], shape  # lengths: [L] or [H, W]
        if len(lengths) not in CONVOLUTIONS:
            raise UserError(
                "model=cnn needs texts, signals (positions, channels) or images (height, width, channels), but these "
                f"data have the shape {spec.input_shape}: no value has neighbours. Try model=mlp."
            )
        self.padding = padding
        convolution = CONVOLUTIONS[len(lengths)]
        layers: list[nn.Module] = []
        for c_in, c_out, kernel_size in zip([input_channels, *channels], channels, kernel_sizes, strict=False):
            layers += [
                convolution(c_in, c_out, kernel_size, stride, padding),
                ACTIVATIONS[activation](),
                nn.Dropout(dropout),
            ]
            lengths = [(length + 2 * padding - kernel_size) // stride + 1 for length in lengths]
            if min(lengths) < 1:
                size = " × ".join(map(str, spec.input_shape[:-1]))
                raise UserError(
                    f"model.kernel_sizes={list(kernel_sizes)} with model.stride={stride} leave nothing of "
                    f"{size} positions; use fewer or smaller convolutions, or a smaller stride."
                )
        self.convolutions = nn.Sequential(*layers)
        self.output = nn.Linear((1 if spec.has_mask else math.prod(lengths)) * channels[-1], spec.output_size)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Map signals (B, L, C) or tokens (B, L), with a mask (B, L) if need be, or images (B, H, W, C) to (B, K)."""
        if self.embedding is not None:
            if mask is not None:  # a convolution may need more positions than these texts have
                more = max(0, self.positions - x.shape[1])
                x, mask = functional.pad(x, (0, more)), functional.pad(mask, (0, more))
            x = self.embedding(x)
        h = x.movedim(-1, 1)  # (B, C, L) or (B, C, H, W)
        if mask is not None:
            return self.output(self.pooled(h, mask))
        if h.ndim == 3:  # else torch convolves with channels last: faster for images, slower for signals
            h = h.clone(memory_format=torch.contiguous_format)
        h = self.convolutions(h)
        return self.output(torch.flatten(h, 1))

    def pooled(self, h: Tensor, mask: Tensor) -> Tensor:
        """Return the mean (B, C) of the last convolution over each signal, without its padding."""
        lengths = (mask * torch.arange(1, mask.shape[1] + 1, device=mask.device)).amax(dim=1, keepdim=True)
        h = h.masked_fill(~mask[:, None], 0)
        for layer in self.convolutions:
            h = layer(h)
            if isinstance(layer, nn.Conv1d):
                lengths = ((lengths + 2 * self.padding - layer.kernel_size[0]) // layer.stride[0] + 1).clamp(min=1)
            h = h * (torch.arange(h.shape[2], device=h.device) < lengths)[:, None]
        return h.sum(dim=2) / lengths
