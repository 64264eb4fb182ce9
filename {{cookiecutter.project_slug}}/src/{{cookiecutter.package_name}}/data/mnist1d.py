"""MNIST-1D: ten digit shapes as one-dimensional signals of 40 positions, shifted, stretched and noisy.

Source: Greydanus & Kobak 2024, "Scaling Down Deep Learning with MNIST-1D", ICML, https://arxiv.org/abs/2011.14439.
The arrays come from the authors' package `mnist1d`; nothing is downloaded.
"""

from pathlib import Path
from typing import Any

import numpy as np
from hyperplane import ArrayDataModule, ArrayDict, Arrays, DataSpec, cached
from hyperplane.setting_types import Folder

POSITIONS = 40
SHUFFLE_SEED = 42


class MNIST1D(ArrayDataModule):
    """4000 training and 1000 test signals, ten classes."""

    spec = DataSpec(
        task="classification",
        input_shape=(POSITIONS, 1),
        output_size=10,
        class_names=tuple("0123456789"),
        feature_names=tuple(f"position {position}" for position in range(POSITIONS)),
    )

    def __init__(
        self,
        *,
        # Permute the positions, the same way in all signals: a model that relies on neighbourhood loses it
        shuffled: bool = False,
        folder: Folder = "data",  # where the generated arrays are kept
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.shuffled = shuffled
        self.folder = Path(folder)

    def load(self) -> Arrays:
        """Return signals (samples, 40, 1) and class numbers (samples,)."""
        arrays = cached(self.folder / "mnist1d.npz", generate)
        order = np.arange(POSITIONS)
        if self.shuffled:
            order = np.random.RandomState(SHUFFLE_SEED).permutation(POSITIONS)
        return Arrays(
            arrays["x"][:, order, None].astype(np.float32),
            arrays["y"].astype(np.int64),
            arrays["x_test"][:, order, None].astype(np.float32),
            arrays["y_test"].astype(np.int64),
        )


def generate() -> ArrayDict:
    """Return the published data set, in the precision in which the authors' package makes it."""
    from mnist1d.data import (
        get_dataset_args,
        make_dataset,
    )  # imports for seconds, so only when needed

    made = make_dataset(get_dataset_args())
    return {name: np.asarray(made[name]) for name in ("x", "y", "x_test", "y_test")}
