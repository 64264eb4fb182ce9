"""Three arms of a spiral, one class each."""

from typing import Any

import numpy as np
from hyperplane import ArrayDataModule, Arrays, DataSpec


class Spirals(ArrayDataModule):
    """Points in the plane, in random order; the last fifth is for the test, where `folds` does not say otherwise."""

    def __init__(self, samples: int = 300, noise: float = 0.1, **options: Any) -> None:
        super().__init__(**options)
        self.samples = samples
        self.noise = noise

    def load(self) -> Arrays:
        self.spec = DataSpec("classification", (2,), 3)
        random = np.random.default_rng(0)
        classes = np.arange(self.samples) % 3
        radius = random.uniform(0, 1, self.samples)
        angle = 4 * radius + 2 * np.pi * classes / 3 + random.normal(0, self.noise, self.samples)
        points = (radius * np.stack([np.cos(angle), np.sin(angle)])).T.astype("float32")
        train = self.samples * 4 // 5
        return Arrays(points[:train], classes[:train], points[train:], classes[train:])
