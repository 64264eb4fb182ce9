"""Images of a training batch, changed at random; kornia does it, the project's extra `augment`.

flip    left and right are exchanged, in every second image
crop    moved by up to an eighth of the height and the width; what comes in is a reflection
color   brightness, contrast and saturation change by up to a fifth
mixup   means of two images and of their targets: λ x + (1 − λ) x', λ uniform in [0, 1] (Zhang et al. 2018, α = 1)

What is drawn comes from torch's generator for the CPU: whoever calls seeds it.

Dimensions: B batch, H × W rows and columns, C channels, K outputs.
"""

from collections.abc import Sequence
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import UserError
from .files import ImageShape

STRENGTH = 0.2  # of colour


def require_kornia(changes: Sequence[str]) -> None:
    """Refuse to begin without kornia, before images are read."""
    if find_spec("kornia") is None:
        raise UserError(
            f"data.augment=[{', '.join(changes)}] needs kornia: pip install kornia (this project's extra `augment`)"
        )


class Augmentation:
    """Changes batches.

    The changes are made in the order crop, flip, color, mixup. Mixed targets are shares of classes (B, K).

    Raises:
        UserError: these targets cannot be mixed.
    """

    def __init__(self, changes: Sequence[str], shape: ImageShape, task: str, classes: int) -> None:
        if "mixup" in changes and task not in ("classification", "regression"):
            raise UserError("data.augment: mixup mixes classes or values; these targets are labels. Leave mixup out")
        from kornia import augmentation as kornia  # half a second

        margin = shape.width // 8, shape.height // 8  # left and right, above and below
        around = 1 - STRENGTH, 1 + STRENGTH
        grey = [kornia.RandomBrightness(around, p=1.0), kornia.RandomContrast(around, p=1.0)]
        made: dict[str, list[nn.Module]] = {
            "crop": [kornia.RandomCrop((shape.height, shape.width), margin, padding_mode="reflect", p=1.0)],
            "flip": [kornia.RandomHorizontalFlip(p=0.5)],
            "color": grey if shape.channels == 1 else [kornia.ColorJitter(STRENGTH, STRENGTH, STRENGTH, 0.0, p=1.0)],
        }
        self.changes = [change for name, some in made.items() if name in changes for change in some]
        self.mix = kornia.RandomMixUpV2(p=1.0, data_keys=["input", "class"]) if "mixup" in changes else None
        self.white = shape.white
        self.classes = classes if task == "classification" else 0

    @torch.no_grad()
    def __call__(self, pixels: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return images (B, H, W, C) float32, in the range that they had, and targets."""
        x = pixels.movedim(-1, 1).float() / self.white  # as kornia takes them
        for change in self.changes:
            x = change(x)
        if self.mix is not None:
            targets = functional.one_hot(targets, self.classes).float() if self.classes else targets
            x, mixed = self.mix(
                x, torch.arange(len(x), device=x.device)
            )  # the numbers of both images, and the share of the second
            share = mixed[:, 2].to(targets)[:, None]
            first, second = (mixed[:, k].long() for k in (0, 1))
            targets = (1 - share) * targets[first] + share * targets[second]
        return x.movedim(1, -1) * self.white, targets
