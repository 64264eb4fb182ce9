"""The convolutional network for signals.

    h₁ = σ(x ∗ W₁ + b₁),  hₗ = σ(hₗ₋₁ ∗ Wₗ + bₗ)
    ŷ  = flatten(h_L) W + b

∗ is the cross-correlation along the positions; the same weights look at every neighbourhood.

Dimensions: B batch, L positions, C channels, K outputs.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..data.spec import DataSpec
from ..mistakes import UserMistake
from .activations import ACTIVATIONS


class CNN(nn.Module):
    """Strided convolutions, then one linear layer over all that is left.

    Args:
        spec: shapes of the data; the input shape must be (L, C).
        channels: C of each convolution.
        kernel_sizes: width of each convolution, in positions.
        stride: positions between two neighbouring outputs of a convolution.
        padding: zeros put on both ends before each convolution.
        activation: name of σ, see `activations.py`.
        dropout: probability in [0, 1) that an activation is set to zero in training.

    Raises:
        UserMistake: the data are no signals, or too short for these convolutions.
    """

    def __init__(
        self,
        spec: DataSpec,
        channels: Sequence[int] = (25, 25, 25),
        kernel_sizes: Sequence[int] = (5, 3, 3),
        stride: int = 2,
        padding: int = 1,
        activation: str = "relu",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(spec.input_shape) != 2:
            raise UserMistake(
                f"model=cnn needs signals of shape (positions, channels), but these data have the shape "
                f"{spec.input_shape}. Try model=mlp."
            )
        positions, input_channels = spec.input_shape
        layers: list[nn.Module] = []
        for c_in, c_out, kernel_size in zip([input_channels, *channels], channels, kernel_sizes, strict=False):
            layers += [
                nn.Conv1d(c_in, c_out, kernel_size, stride, padding),
                ACTIVATIONS[activation](),
                nn.Dropout(dropout),
            ]
            positions = (positions + 2 * padding - kernel_size) // stride + 1
            if positions < 1:
                raise UserMistake(
                    f"model.kernel_sizes={list(kernel_sizes)} with model.stride={stride} leave nothing of "
                    f"{spec.input_shape[0]} positions; use fewer or smaller convolutions, or a smaller stride."
                )
        self.convolutions = nn.Sequential(*layers)
        self.output = nn.Linear(positions * channels[-1], spec.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map signals (B, L, C) to outputs (B, K)."""
        h = self.convolutions(x.transpose(1, 2))  # (B, C, L)
        return self.output(torch.flatten(h, 1))
