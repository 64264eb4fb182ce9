"""A fully convolutional network: each pixel of the output sees its neighbourhood at two scales.

Dimensions: B batch, H × W pixels, C channels of the input, K outputs of each pixel.
"""

import torch
from hyperplane import DataSpec
from pydantic import PositiveInt
from torch import Tensor, nn


class FCN(nn.Module):
    """Convolutions at full and at half resolution, whose features are joined, Ronneberger et al. 2015."""

    def __init__(
        self,
        spec: DataSpec,
        width: PositiveInt = 12,  # channels at full resolution; half of it has twice as many
    ) -> None:
        super().__init__()
        channels = spec.input_shape[-1]
        self.fine = nn.Sequential(block(channels, width), block(width, width))
        self.coarse = nn.Sequential(nn.MaxPool2d(2), block(width, 2 * width), block(2 * width, 2 * width))
        self.output = nn.Conv2d(3 * width, spec.output_size, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, H, W, C) to logits (B, K, H, W)."""
        fine = self.fine(x.movedim(-1, 1))
        coarse = nn.functional.interpolate(self.coarse(fine), fine.shape[2:])
        return self.output(torch.cat([fine, coarse], dim=1))


def block(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
