"""Small real data sets that come with scikit-learn; nothing is downloaded.

diabetes: Efron et al. 2004, "Least Angle Regression". breast_cancer: Wolberg et al. 1995. wine: Aeberhard & Forina
1992. digits: Alpaydin & Kaynak 1998, 8×8 images.
"""

from pathlib import Path
from typing import Any, Literal

import numpy as np
from hyperplane import ArrayDataModule, ArrayDict, Arrays, DataSpec, cached
from hyperplane.setting_types import Folder

SPLIT_SEED = 0  # the test samples stay the same for every seed of a run
PIXEL_MAXIMUM = 16.0


class Bundled(ArrayDataModule):
    """A data set of scikit-learn; a fifth, drawn once, is for the test."""

    def __init__(
        self,
        *,
        # Which of them: diabetes is a regression, the others are classifications
        name: Literal["diabetes", "breast_cancer", "wine", "digits"],
        folder: Folder = "data",  # where the arrays are kept
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.name = name
        self.folder = Path(folder)

    def load(self) -> Arrays:
        """Return rows (samples, features), or images (samples, 8, 8, 1) with pixels in [0, 1]."""
        arrays = cached(self.folder / f"{self.name}.npz", self.read)
        inputs, classes = arrays["inputs"].astype(np.float32), tuple(map(str, arrays["class_names"]))
        if self.name == "digits":
            inputs = inputs.reshape(-1, 8, 8, 1) / np.float32(PIXEL_MAXIMUM)
        targets = arrays["targets"].astype(np.int64) if classes else arrays["targets"][:, None].astype(np.float32)
        self.spec = DataSpec(
            task="classification" if classes else "regression",
            input_shape=inputs.shape[1:],
            output_size=len(classes) or 1,
            class_names=classes,
            feature_names=tuple(map(str, arrays["feature_names"])),
            target_names=() if classes else ("disease progression after a year",),
        )
        order = np.random.default_rng(SPLIT_SEED).permutation(len(inputs))
        train, test = np.split(order, [len(inputs) - len(inputs) // 5])
        return Arrays(inputs[train], targets[train], inputs[test], targets[test])

    def read(self) -> ArrayDict:
        """Return the arrays and names from scikit-learn, which takes a second to import."""
        from sklearn import datasets

        found = getattr(datasets, f"load_{self.name}")()
        return {
            "inputs": found.data,
            "targets": found.target,
            "feature_names": np.array(found.feature_names, dtype=str),
            "class_names": np.array(getattr(found, "target_names", ()), dtype=str),
        }
