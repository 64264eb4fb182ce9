"""What all data sets in memory share: the split into training and validation samples, and their batches."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor

from ..mistakes import UserMistake
from .batches import Batches
from .spec import DataSpec

EVALUATION_BATCH = 4096  # samples; evaluation keeps no gradients, so it takes large batches


class Arrays(NamedTuple):
    """Inputs (samples, *input_shape) as float32 and targets (samples,); int64 class numbers or float32 values."""

    train_inputs: NDArray[np.float32]
    train_targets: NDArray[np.generic]
    test_inputs: NDArray[np.float32]
    test_targets: NDArray[np.generic]


class ArrayDataModule(LightningDataModule, ABC):
    """A data set that fits in memory. A subclass states `spec` and returns its arrays from `load`.

    Args:
        batch_size: samples in a training batch.
        val_fraction: share of the training samples, drawn with `seed`, that is held out for validation. 0: none.
        shuffle: draw the training samples in a new order in every epoch; otherwise they keep that of the data set.
        seed: of the split and of the batch order.
    """

    spec: DataSpec

    def __init__(self, *, batch_size: int, val_fraction: float, shuffle: bool, seed: int) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.val_fraction = val_fraction
        self.shuffle = shuffle
        self.seed = seed
        self.parts: dict[str, tuple[Tensor, Tensor]] = {}

    @abstractmethod
    def load(self) -> Arrays:
        """Return the arrays of the data set."""

    def setup(self, stage: str | None = None) -> None:
        """Load the arrays once and split off the validation samples.

        Raises:
            UserMistake: `val_fraction` leaves no training or no validation sample.
        """
        if self.parts:
            return
        arrays = self.load()
        inputs, targets = (
            torch.from_numpy(arrays.train_inputs),
            torch.from_numpy(arrays.train_targets),
        )
        held_out = round(self.val_fraction * len(inputs))
        if self.val_fraction > 0 and not 0 < held_out < len(inputs):
            raise UserMistake(
                f"data.val_fraction={self.val_fraction} of {len(inputs)} training samples holds out {held_out}; "
                "choose a fraction that leaves some on both sides, or 0"
            )
        order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(self.seed))
        # Sorted, so that what is not split keeps the order of the data set.
        val, train = order[:held_out].sort().values, order[held_out:].sort().values
        self.parts = {
            "train": (inputs[train], targets[train]),
            "val": (inputs[val], targets[val]),
            "test": (torch.from_numpy(arrays.test_inputs), torch.from_numpy(arrays.test_targets)),
        }

    def arrays(self, part: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return inputs and targets of a part: train, val or test."""
        inputs, targets = self.parts[part]
        return inputs.numpy(), targets.numpy()

    @property
    def validates(self) -> bool:
        """Whether samples are held out for validation."""
        return self.val_fraction > 0

    def train_dataloader(self) -> Batches:
        """Return the training batches, in an order that follows from seed and epoch."""
        return Batches(self.parts["train"], self.batch_size, self.seed if self.shuffle else None)

    def val_dataloader(self) -> Batches | list[Batches]:
        """Return the validation batches in order, or an empty list if there are none."""
        return Batches(self.parts["val"], EVALUATION_BATCH) if self.validates else []

    def test_dataloader(self) -> Batches:
        """Return the test batches in order."""
        return Batches(self.parts["test"], EVALUATION_BATCH)
