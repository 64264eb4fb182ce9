"""The digits, most of them without a label."""

from typing import Any

from hyperplane.data.arrays import IGNORED, Arrays

from .bundled import Bundled


class FewLabels(Bundled):
    """Every `one_in`-th training image keeps its label; the others count in no loss and in no metric."""

    def __init__(self, one_in: int = 10, **options: Any) -> None:
        super().__init__(name="digits", **options)
        self.one_in = one_in

    def load(self) -> Arrays:
        arrays = super().load()
        targets = arrays.train_targets.copy()
        targets[[i for i in range(len(targets)) if i % self.one_in]] = IGNORED
        return arrays._replace(train_targets=targets)
