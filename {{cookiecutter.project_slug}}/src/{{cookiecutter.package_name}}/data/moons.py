"""Two moons: points on two interleaved half circles, for a first look at a decision boundary."""

from pathlib import Path
from typing import Any

import numpy as np

from .cache import ArrayDict, cached
from .datamodule import ArrayDataModule, Arrays
from .spec import DataSpec

SAMPLE_SEED = 0  # the points stay the same for every seed of a run, so that seeds can be compared


class Moons(ArrayDataModule):
    """Points in the plane, two classes; a fifth is for the test.

    Args:
        num_samples: points in all.
        noise: standard deviation of the points around their half circle (radius 1).
        folder: where the generated points are kept.
        **loading: the arguments of ArrayDataModule.
    """

    spec = DataSpec(
        task="classification",
        input_shape=(2,),
        output_size=2,
        class_names=("upper moon", "lower moon"),
        feature_names=("x₁", "x₂"),
    )

    def __init__(self, *, num_samples: int = 1000, noise: float = 0.2, folder: str = "data", **loading: Any) -> None:
        super().__init__(**loading)
        self.num_samples = num_samples
        self.noise = noise
        self.folder = Path(folder)

    def load(self) -> Arrays:
        """Return points (samples, 2) and class numbers (samples,)."""
        arrays = cached(self.folder / f"moons-{self.num_samples}-{self.noise}.npz", self.generate)
        points, classes = arrays["points"].astype(np.float32), arrays["classes"].astype(np.int64)
        train = self.num_samples - self.num_samples // 5
        return Arrays(points[:train], classes[:train], points[train:], classes[train:])

    def generate(self) -> ArrayDict:
        """Return scikit-learn's points, in random order."""
        from sklearn.datasets import make_moons  # imports for a second, so only when needed

        points, classes = make_moons(self.num_samples, noise=self.noise, random_state=SAMPLE_SEED)
        return {"points": points, "classes": classes}
