"""Digits with three labels: whether the number is odd, prime, and above four."""

import numpy as np
from hyperplane import ArrayDataModule, Arrays, DataSpec
from sklearn.datasets import load_digits

LABELS = {"odd": [1, 3, 5, 7, 9], "prime": [2, 3, 5, 7], "above four": [5, 6, 7, 8, 9]}


class DigitLabels(ArrayDataModule):
    """Images (8, 8, 1) with pixels in [0, 1]; the last fifth is for the test."""

    def load(self) -> Arrays:
        self.spec = DataSpec(
            task="multilabel", input_shape=(8, 8, 1), output_size=len(LABELS), class_names=tuple(LABELS)
        )
        images, digits = load_digits(return_X_y=True)
        inputs = (images / 16).reshape(-1, 8, 8, 1)
        targets = np.stack([np.isin(digits, numbers) for numbers in LABELS.values()], axis=1)
        test = len(inputs) // 5
        return Arrays(inputs[:-test], targets[:-test], inputs[-test:], targets[-test:])
