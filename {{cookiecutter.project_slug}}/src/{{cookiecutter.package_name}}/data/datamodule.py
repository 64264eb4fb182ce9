"""What all data sets in memory share: the split, the standardisation and the batches."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from numpy.typing import NDArray
from torch import Tensor

from ..mistakes import UserMistake
from .batches import Batches, on_gpu
from .scaling import Scaling
from .spec import DataSpec

EVALUATION_BATCH = 4096  # samples; evaluation keeps no gradients, so it takes large batches


def evaluation_batch(spec: DataSpec) -> int:
    """Placeholder."""
    return EVALUATION_BATCH


class Arrays(NamedTuple):
    """Inputs (samples, *input_shape) float32; class numbers (samples,) int64, or values (samples, K) float32."""

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
        standardize: bring inputs and real targets to mean 0 and standard deviation 1, as measured on the samples that
            are trained on.
        seed: of the split and of the batch order.
    """

    spec: DataSpec

    def __init__(
        self, *, batch_size: int, val_fraction: float, shuffle: bool = True, standardize: bool = False, seed: int
    ) -> None:
        super().__init__()
        self.batch_size = batch_size
        self.val_fraction = val_fraction
        self.shuffle = shuffle
        self.standardize = standardize
        self.seed = seed
        self.raw: dict[str, tuple[Tensor, Tensor]] = {}  # as loaded
        self.parts: dict[str, tuple[Tensor, Tensor]] = {}  # standardised

    @abstractmethod
    def load(self) -> Arrays:
        """Return the arrays of the data set; from here on `spec` is known."""

    def setup(self, stage: str | None = None) -> None:
        """Load the arrays once, split off the validation samples, and standardise.

        Raises:
            UserMistake: `val_fraction` leaves no training or no validation sample.
        """
        if self.parts:
            return
        arrays = self.load()
        inputs, targets = torch.from_numpy(arrays.train_inputs), torch.from_numpy(arrays.train_targets)
        train, val = self.split(len(inputs))
        self.raw = {
            "train": (inputs[train], targets[train]),
            "val": (inputs[val], targets[val]),
            "test": (torch.from_numpy(arrays.test_inputs), torch.from_numpy(arrays.test_targets)),
        }
        counts = ()
        if self.spec.task == "classification":
            counts = tuple(torch.bincount(targets[train], minlength=self.spec.output_size).tolist())
        self.spec = replace(self.spec, train_size=len(train), class_counts=counts)
        self.scaling = Scaling(self.spec)
        if self.standardize:
            self.fit_scaling()
        self.parts = {
            part: (self.scaling(inputs), self.scaling.scale_targets(targets)) if self.standardize else (inputs, targets)
            for part, (inputs, targets) in self.raw.items()
        }

    def fit_scaling(self) -> None:
        """Take the statistics of the training samples."""
        self.scaling.fit(*self.raw["train"])

    def split(self, samples: int) -> tuple[Tensor, Tensor]:
        """Return the numbers of the samples to train on and of those to validate on, each in order."""
        held_out = round(self.val_fraction * samples)
        if self.val_fraction > 0 and not 0 < held_out < samples:
            raise UserMistake(
                f"data.val_fraction={self.val_fraction} of {samples} training samples holds out {held_out}; "
                "choose a fraction that leaves some on both sides, or 0"
            )
        order = torch.randperm(samples, generator=torch.Generator().manual_seed(self.seed))
        return order[held_out:].sort().values, order[:held_out].sort().values

    def arrays(self, part: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return inputs and targets of a part (train, val or test), in the units of the data."""
        inputs, targets = self.raw[part]
        return inputs.numpy(), targets.numpy()

    def training_samples(self) -> tuple[Tensor, Tensor]:
        """Return all training samples at once, standardised, for a model that is not trained in steps."""
        return self.parts["train"]

    @property
    def validates(self) -> bool:
        """Whether samples are held out for validation."""
        return self.val_fraction > 0

    def train_dataloader(self) -> Batches:
        """Return the training batches, in an order that follows from seed and epoch."""
        tensors = on_gpu(self.parts["train"], self.trainer)
        return Batches(tensors, self.batch_size, self.seed if self.shuffle else None)

    def evaluation_batches(self, part: str) -> Batches:
        """Return a part in order, in large batches."""
        return Batches(on_gpu(self.parts[part], self.trainer), EVALUATION_BATCH)

    def val_dataloader(self) -> Batches | list[Batches]:
        """Return the validation batches in order, or an empty list if there are none."""
        return self.evaluation_batches("val") if self.validates else []

    def test_dataloader(self) -> Batches:
        """Return the test batches in order."""
        return self.evaluation_batches("test")
