"""The residual network for images.

    h⁰ = σ(bn(x ∗ W₀))
    h ← σ(h + F(h)),  F(h) = bn(σ(bn(h ∗ W₁)) ∗ W₂)
    ŷ = mean over rows and columns of h · W + b

σ is ReLU, bn batch normalisation, ∗ a convolution with 3 × 3. At the start of each stage but the first, the first
convolution has stride 2 and doubles the channels, and h becomes bn(h ∗ Wₛ) with a 1 × 1 convolution.

Source: He et al. 2016, "Deep Residual Learning for Image Recognition", https://arxiv.org/abs/1512.03385.

Dimensions: B batch, H × W rows and columns, C channels, K outputs.
"""

from typing import Annotated, Literal

from hyperplane import DataSpec, UserError
from hyperplane.setting_types import Dropout
from pydantic import Field, PositiveInt
from torch import Tensor, nn
from torch.nn import functional

LARGE = 64  # rows and columns from which stem=auto takes the large stem


class Block(nn.Module):
    """σ(h + F(h)) with two convolutions.

    Args:
        c_in: channels of h.
        c_out: channels of the output.
        stride: rows and columns between two neighbouring outputs.
    """

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        last = nn.BatchNorm2d(c_out)
        nn.init.zeros_(last.weight)  # every block begins as the identity: Goyal et al. 2017, section 5.1
        self.residual = nn.Sequential(
            convolution(c_in, c_out, 3, stride), nn.BatchNorm2d(c_out), nn.ReLU(), convolution(c_out, c_out, 3), last
        )
        self.shortcut = nn.Sequential()
        if stride > 1 or c_in != c_out:
            self.shortcut = nn.Sequential(convolution(c_in, c_out, 1, stride), nn.BatchNorm2d(c_out))

    def forward(self, h: Tensor) -> Tensor:
        """Map (B, c_in, H, W) to (B, c_out, H / stride, W / stride)."""
        return functional.relu(self.shortcut(h) + self.residual(h))


class ResNet(nn.Module):
    """Stages of residual blocks over images (H, W, C), then one linear layer over the mean of all positions.

    With blocks=[2,2,2,2] and width=64 on large images it is ResNet-18.

    Raises:
        UserError: the data are not images.
    """

    def __init__(
        self,
        spec: DataSpec,
        blocks: Annotated[tuple[PositiveInt, ...], Field(min_length=1)] = (2, 2, 2),  # blocks of each stage
        width: PositiveInt = 32,  # channels of the first stage; each stage has twice those of the one before
        # The layers before the blocks. small: a 3 × 3 convolution; large: a 7 × 7 convolution and a max pooling, each
        # with stride 2; auto: large if both sides have 64 pixels or more
        stem: Literal["auto", "small", "large"] = "auto",
        dropout: Dropout = 0.0,  # probability that an input of the last layer is set to zero in training
    ) -> None:
        super().__init__()
        if len(spec.input_shape) != 3:
            raise UserError(
                "model=resnet needs images (height, width, channels), but these data have the shape "
                f"{spec.input_shape}. Try model=cnn for signals, model=mlp for tables."
            )
        *sides, channels = spec.input_shape
        is_large = stem == "large" or (stem == "auto" and min(sides) >= LARGE)
        self.stem = nn.Sequential(
            convolution(channels, width, 7 if is_large else 3, 2 if is_large else 1), nn.BatchNorm2d(width), nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1) if is_large else nn.Identity(),
        )  # fmt: skip
        self.blocks = nn.Sequential()
        c_in = width
        for stage, count in enumerate(blocks):
            for first in [True] + [False] * (count - 1):
                c_out = width * 2**stage
                self.blocks.append(Block(c_in, c_out, stride=2 if stage and first else 1))
                c_in = c_out
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(c_in, spec.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, H, W, C) to outputs (B, K)."""
        h = self.blocks(self.stem(x.movedim(-1, 1)))
        return self.output(self.dropout(h.mean(dim=(2, 3))))


def convolution(c_in: int, c_out: int, size: int, stride: int = 1) -> nn.Conv2d:
    """Return a padded convolution without bias: the normalisation behind it has one."""
    layer = nn.Conv2d(c_in, c_out, size, stride, padding=size // 2, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer
