"""Grey images with a disk and a square on noise; every pixel belongs to a class."""

from typing import Any

import numpy as np
from hyperplane import ArrayDataModule, Arrays, DataSpec
from numpy.typing import NDArray
from pydantic import NonNegativeFloat, PositiveInt

CLASSES = ("background", "disk", "square")


class Shapes(ArrayDataModule):
    """Images (size, size, 1) and the classes of their pixels (size, size). A fifth is for the test."""

    def __init__(
        self,
        *,
        images: PositiveInt = 400,
        size: PositiveInt = 24,  # pixels, height and width
        noise: NonNegativeFloat = 0.3,  # its standard deviation; shapes are brighter by 1
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.images, self.size, self.noise = images, size, noise

    def load(self) -> Arrays:
        self.spec = DataSpec("classification", (self.size, self.size, 1), len(CLASSES), CLASSES)
        random = np.random.default_rng(0)
        masks = np.stack([self.draw(random) for _ in range(self.images)])
        images = (masks > 0)[..., None] + self.noise * random.normal(size=(*masks.shape, 1))
        train = self.images * 4 // 5
        return Arrays(images[:train], masks[:train], images[train:], masks[train:])

    def draw(self, random: np.random.Generator) -> NDArray[np.int64]:
        """Return the classes of an image's pixels (size, size): a square lies before a disk."""
        rows, columns = np.indices((self.size, self.size))
        (y, v), (x, u) = random.integers(5, self.size - 5, (2, 2))
        radius, half = random.integers(3, 6, 2)
        mask = ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2).astype(np.int64)
        mask[np.maximum(abs(rows - v), abs(columns - u)) < half] = 2
        return mask
