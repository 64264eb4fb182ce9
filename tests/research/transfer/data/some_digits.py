"""Some of the ten digits, so that a network can learn others first."""

from typing import Any

from hyperplane import ArrayDataModule, Arrays, DataSpec
from sklearn.datasets import load_digits


class SomeDigits(ArrayDataModule):
    """Images 8×8 of the digits in `classes`; the last fifth is for the test."""

    def __init__(self, classes: list[int], **loading: Any) -> None:
        super().__init__(**loading)
        self.classes = classes

    def load(self) -> Arrays:
        self.spec = DataSpec("classification", (8, 8), len(self.classes), tuple(map(str, self.classes)))
        images, digits = load_digits(return_X_y=True)
        chosen = [i for i, digit in enumerate(digits) if digit in self.classes]
        inputs = images[chosen].reshape(-1, 8, 8) / 16
        targets = digits[chosen].copy()
        for number, digit in enumerate(self.classes):
            targets[digits[chosen] == digit] = number
        test = len(chosen) // 5
        return Arrays(
            inputs[:-test].astype("float32"), targets[:-test], inputs[-test:].astype("float32"), targets[-test:]
        )
