"""Classes in the plane, where a decision boundary can be seen: moons, circles and blobs, made by scikit-learn."""

from abc import abstractmethod
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from hyperplane import ArrayDataModule, ArrayDict, Arrays, DataSpec, cached
from hyperplane.setting_types import Folder
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat

SAMPLE_SEED = 0  # the points stay the same for every seed of a run, so that seeds can be compared


class Planar(ArrayDataModule):
    """Points (samples, 2) in random order; a fifth is for the test. A subclass says how they are made."""

    class_names: tuple[str, ...]

    def __init__(
        self,
        *,
        num_samples: Annotated[int, Field(ge=20)] = 1000,  # points in all
        noise: NonNegativeFloat,  # standard deviation of the points around their shape
        folder: Folder = "data",  # where the generated points are kept
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.num_samples = num_samples
        self.noise = noise
        self.folder = Path(folder)
        self.spec = DataSpec(
            task="classification",
            input_shape=(2,),
            output_size=len(self.class_names),
            class_names=self.class_names,
            feature_names=("x₁", "x₂"),
        )

    @abstractmethod
    def make(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return points (samples, 2) and class numbers (samples,)."""

    def load(self) -> Arrays:
        """Return points (samples, 2) and class numbers (samples,)."""
        name = f"{type(self).__name__.lower()}-{self.num_samples}-{self.noise}.npz"
        arrays = cached(self.folder / name, self.generate)
        points, classes = arrays["points"].astype(np.float32), arrays["classes"].astype(np.int64)
        train = self.num_samples - self.num_samples // 5
        return Arrays(points[:train], classes[:train], points[train:], classes[train:])

    def generate(self) -> ArrayDict:
        """Make the points; scikit-learn takes a second to import, so this happens once for all runs."""
        points, classes = self.make()
        return {"points": points, "classes": classes}


class Moons(Planar):
    """Two interleaved half circles of radius 1."""

    class_names = ("upper moon", "lower moon")

    def __init__(self, *, noise: NonNegativeFloat = 0.2, **options: Any) -> None:
        super().__init__(noise=noise, **options)

    def make(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return points and class numbers."""
        from sklearn.datasets import make_moons

        return make_moons(self.num_samples, noise=self.noise, random_state=SAMPLE_SEED)


class Circles(Planar):
    """A circle of radius 0.5 inside one of radius 1: no line separates them, but a kernel or a hidden layer does."""

    class_names = ("outer circle", "inner circle")

    def __init__(self, *, noise: NonNegativeFloat = 0.1, **options: Any) -> None:
        super().__init__(noise=noise, **options)

    def make(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return points and class numbers."""
        from sklearn.datasets import make_circles

        return make_circles(self.num_samples, noise=self.noise, factor=0.5, random_state=SAMPLE_SEED)


class Blobs(Planar):
    """Three clouds, which lines can separate except where they overlap."""

    class_names = ("cloud 1", "cloud 2", "cloud 3")

    def __init__(self, *, noise: NonNegativeFloat = 1.0, **options: Any) -> None:
        super().__init__(noise=noise, **options)

    def make(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return points and class numbers."""
        from sklearn.datasets import make_blobs

        centers = np.array([[-2.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
        return make_blobs(self.num_samples, centers=centers, cluster_std=self.noise, random_state=SAMPLE_SEED)[:2]
