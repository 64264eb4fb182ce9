"""A line and a plane with noise: regressions whose answer is known.

    salary: y = 30 + 4.5 x + ε  thousands a year, x ~ U(0, 20) years of experience
    plane:  y = 1 + 2 x₁ − 3 x₂ + ε, x₁, x₂ ~ U(−1, 1)

ε ~ N(0, noise²), so no model has a test rmse below `noise`, except by chance.
"""

from typing import Annotated, Any

import numpy as np
from hyperplane import ArrayDataModule, Arrays, DataSpec
from pydantic import Field, NonNegativeFloat

SAMPLE_SEED = 0  # the points stay the same for every seed of a run


class Affine(ArrayDataModule):
    """Targets (samples, 1) that are an affine function of features (samples, D), and noise; a fifth is for the test."""

    bounds: tuple[float, float]  # of every feature
    weights: tuple[float, ...]
    bias: float

    def __init__(
        self,
        *,
        num_samples: Annotated[int, Field(ge=20)] = 500,  # points in all
        noise: NonNegativeFloat,  # standard deviation of the targets around the line or plane, in their units
        standardize: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(standardize=standardize, **options)
        self.num_samples = num_samples
        self.noise = noise

    def load(self) -> Arrays:
        """Return features and targets."""
        random = np.random.default_rng(SAMPLE_SEED)
        features = random.uniform(*self.bounds, size=(self.num_samples, len(self.weights)))
        targets = self.bias + features @ np.array(self.weights) + random.normal(0, self.noise, self.num_samples)
        x, y = features.astype(np.float32), targets[:, None].astype(np.float32)
        train = self.num_samples - self.num_samples // 5
        return Arrays(x[:train], y[:train], x[train:], y[train:])


class Salary(Affine):
    """Salary over years of experience."""

    bounds, weights, bias = (0.0, 20.0), (4.5,), 30.0
    spec = DataSpec(
        task="regression",
        input_shape=(1,),
        output_size=1,
        feature_names=("experience (years)",),
        target_names=("salary (thousands a year)",),
    )

    def __init__(self, *, noise: NonNegativeFloat = 10.0, **options: Any) -> None:
        super().__init__(noise=noise, **options)


class Plane(Affine):
    """A plane over two features: the regression hyperplane."""

    bounds, weights, bias = (-1.0, 1.0), (2.0, -3.0), 1.0
    spec = DataSpec(task="regression", input_shape=(2,), output_size=1, feature_names=("x₁", "x₂"), target_names=("y",))

    def __init__(self, *, noise: NonNegativeFloat = 0.5, **options: Any) -> None:
        super().__init__(noise=noise, **options)
