"""What all data sets in memory share: split, standardisation and batches."""

from abc import abstractmethod
from dataclasses import replace
from typing import Annotated, Any, ClassVar

import torch
from loguru import logger
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt
from torch import Tensor

from ..errors import UserError
from ..setting_types import FoldOf, ProperFraction, wrong_fold
from .arrays import Arrays as Arrays  # where data sets look for it
from .arrays import Samples, count_classes, in_pieces, means_of, rows_of
from .batches import Batches, evaluation_batch, on_gpu, values_of_tokens
from .folds import fold_of_samples, strata
from .part_loaders import PartLoaders
from .ridge import leave_one_out
from .scaling import Scaling, warn_of_lost_digits
from .spec import DataSpec

EVALUATION_BATCH = 4096  # samples; evaluation keeps no gradients, so it takes large batches


class ArrayDataModule(PartLoaders):
    """A data set that fits in memory. A subclass states `spec` and returns its arrays from `load`.

    A subclass with settings of its own takes the others as **options, and hands them on: they are settings as well.
    """

    spec: DataSpec
    group: str | None = None  # a column or array: samples with the same value stay in one part
    batches: ClassVar[type[Batches]] = Batches  # how samples become what a step takes

    def __init__(
        self,
        *,
        batch_size: PositiveInt = 100,  # samples in a training batch, at most
        val_fraction: ProperFraction = 0.1,  # of the training samples, drawn with the seed, held out to choose by
        shuffle: bool = True,  # draw the training samples in a new order in every epoch
        # Real inputs and targets to mean 0 and standard deviation 1, as measured on the samples that are trained on
        standardize: bool = False,
        # Parts into which all samples are divided for a cross-validation; None: the test is that of the data set
        folds: Annotated[int, Field(ge=2)] | None = None,
        fold: Annotated[NonNegativeInt | None, FoldOf("folds")] = None,  # which of them is the test, counted from 0
        seed: int,  # of the split and of the batch order; the folds are the same for every seed
    ) -> None:
        super().__init__()
        wrong = wrong_fold(folds, fold)
        if wrong:
            raise UserError(wrong)
        self.batch_size = batch_size
        self.val_fraction = val_fraction
        self.shuffle = shuffle
        self.standardize = standardize
        self.folds = folds
        self.fold = fold
        self.seed = seed
        self.raw: dict[str, Samples] = {}  # as loaded: inputs, targets, and weights if there are any
        self.parts: dict[str, Samples] = {}  # standardised

    @property
    def of_fold(self) -> str:
        """Which fold it is, for messages; empty without a cross-validation."""
        return "" if self.folds is None else f" of fold {self.fold} (of 0 to {self.folds - 1})"

    @abstractmethod
    def load(self) -> Arrays:
        """Return the arrays of the data set, in its own units; from here on `spec` is known.

        What is learned from samples belongs to `standardize`, not in here: in a cross-validation any sample may be one
        of the test.
        """

    def setup(self, stage: str | None = None) -> None:
        """Load the arrays once, split off the test samples of a fold and the validation samples, and standardise.

        Raises:
            UserError: `val_fraction` leaves no training or no validation sample, or the arrays do not fit each other.
        """
        if self.parts:
            return
        fit, test = self.load().tensors(self.spec)
        if self.folds is not None:
            fit, test = self.divide(fit, test)
        train, val = self.split(len(fit[0]))
        self.raw = {
            "train": tuple(rows_of(tensor, train) for tensor in fit),
            "val": tuple(rows_of(tensor, val) for tensor in fit),
            "test": test,
        }
        self.spec = replace(
            self.spec,
            train_size=len(train),
            class_counts=count_classes(self.raw["train"][1], self.spec) or self.spec.class_counts,
            target_means=means_of(self.raw["train"][1], self.spec),
            has_weights=len(fit) > 2,
        )
        self.scaling = Scaling(self.spec)
        if self.standardize:
            self.fit_scaling()
        else:
            warn_of_lost_digits(self.spec, *self.raw["train"][:2])
        self.parts = {part: self.standardised(*tensors) for part, tensors in self.raw.items()}
        inputs, targets = self.parts["train"][0], self.parts["train"][-1]
        is_ridge = self.spec.task == "regression" and inputs.is_floating_point() and targets.ndim == 2
        if is_ridge and not self.spec.has_weights and self.group is None:  # one of a group is told by the others
            self.spec = replace(self.spec, ridge=lambda: leave_one_out(inputs, targets))

    def divide(self, fit: Samples, test: Samples) -> tuple[Samples, Samples]:
        """Return all samples but those of the fold, and those of the fold; both parts of the data set are pooled."""
        assert self.folds is not None
        pooled = tuple(torch.cat(both) for both in zip(fit, test, strict=True))
        numbers = fold_of_samples(self.folds, strata(pooled[1].numpy(), self.spec.task))
        is_test = torch.from_numpy(numbers == self.fold)
        logger.info(
            "Fold {} of 0 to {}: {} of {} samples are the test. The data set's own {} test samples are pooled with "
            "the others.",
            self.fold,
            self.folds - 1,
            int(is_test.sum()),
            len(is_test),
            len(test[0]),
        )
        return tuple(tensor[~is_test] for tensor in pooled), tuple(tensor[is_test] for tensor in pooled)

    def standardised(self, inputs: Tensor, targets: Tensor, *weights: Tensor) -> Samples:
        if not self.standardize:
            return single(inputs), single(targets), *weights
        return in_pieces(self.scaling, inputs), in_pieces(self.scaling.scale_targets, targets), *weights

    def fit_scaling(self) -> None:
        """Take the statistics of the training samples."""
        self.scaling.fit(*self.raw["train"][:2])

    def split(self, samples: int) -> tuple[Tensor, Tensor]:
        """Return the numbers of the samples to train on and of those to validate on, each in order."""
        held_out = round(self.val_fraction * samples)
        if self.val_fraction > 0 and not 0 < held_out < samples:
            raise UserError(
                f"data.val_fraction={self.val_fraction} of {samples} training samples holds out {held_out}; "
                "choose a fraction that leaves some on both sides, or 0"
            )
        order = torch.randperm(samples, generator=torch.Generator().manual_seed(self.seed))
        return order[held_out:].sort().values, order[:held_out].sort().values

    def arrays(self, part: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return inputs and targets of a part (train, val or test), in the units of the data."""
        inputs, targets = self.raw[part][:2]
        return inputs.numpy(), targets.numpy()

    def training_samples(self) -> Samples:
        """Return all training samples at once, standardised, for a model that is not trained in steps.

        A mask comes last, if there is one.

        Raises:
            UserError: they have weights, which such a model does not take.
        """
        if self.spec.has_weights:
            raise UserError(
                "this model is solved at once, and does not take the weights of samples (data.weights): choose a model "
                "that is trained in steps, or leave them out"
            )
        inputs, *mask, targets = self.parts["train"]
        return inputs, targets, *mask

    def train_dataloader(self) -> Batches:
        """Return the training batches, in an order that follows from seed and epoch."""
        tensors = on_gpu(self.parts["train"], self.trainer)
        return self.batches(tensors, self.batch_size, self.seed if self.shuffle else None)

    def evaluation_batches(self, part: str) -> Batches:
        inputs, targets = self.parts[part][0], self.parts[part][-2 if self.spec.has_weights else -1]
        stored, places = inputs[:1].nbytes + targets[:1].nbytes, targets[:1].numel()
        outputs = places if targets.is_floating_point() else places * max(1, self.spec.output_size)
        outputs += values_of_tokens(self.spec)
        batch_size = evaluation_batch(EVALUATION_BATCH, stored + 4 * outputs)
        return self.batches(on_gpu(self.parts[part], self.trainer), batch_size)


def single(values: Tensor) -> Tensor:
    """Return real numbers as a step receives them, all others as they are."""
    return values.float() if values.is_floating_point() else values
