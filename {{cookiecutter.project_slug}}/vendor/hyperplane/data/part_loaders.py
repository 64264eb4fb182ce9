"""Loaders of a data set that has parts: train, val and test."""

from abc import ABC, abstractmethod
from typing import Any

from lightning.pytorch import LightningDataModule


class PartLoaders(LightningDataModule, ABC):
    """Validates and tests with whole parts, in order."""

    val_fraction: float

    @property
    def validates(self) -> bool:
        """Whether samples are held out for validation."""
        return self.val_fraction > 0

    @abstractmethod
    def evaluation_batches(self, part: str) -> Any:
        """Return a part in order, in large batches."""

    def val_dataloader(self) -> Any:
        """Return the validation batches, or an empty list if there are none."""
        return self.evaluation_batches("val") if self.validates else []

    def test_dataloader(self) -> Any:
        """Return the test batches."""
        return self.evaluation_batches("test")
