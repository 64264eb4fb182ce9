"""The samples of a data set in memory, as its module returns them, and what is checked before they are used."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UserError
from .spec import DataSpec

PIECE = 2**20  # values that are worked on at once
IGNORED = -100  # in the place of a class number: torch's losses leave it out

Samples = tuple[Tensor, ...]  # inputs, targets, and weights if there are any


class Arrays(NamedTuple):
    """All samples of a data set: those to train and validate on, and those to test on.

    Inputs (samples, *input_shape) are real, or integers such as tokens. Targets are class numbers (samples,), or
    (samples, *places) in dense prediction; labels of 0 and 1 (samples, K) for multilabel; values (samples, K) for
    regression; of any shape for a task of your own. Real numbers stay in float64 until they are standardised, or are
    float32; all others become int64.
    """

    train_inputs: NDArray[Any]
    train_targets: NDArray[Any]
    test_inputs: NDArray[Any]
    test_targets: NDArray[Any]
    train_weights: NDArray[Any] | None = None  # (samples,), at least 0: how much each sample counts in the loss
    test_weights: NDArray[Any] | None = None

    def tensors(self, spec: DataSpec) -> tuple[Samples, Samples]:
        """Return the samples to train and validate on, and those to test on.

        Raises:
            UserError: inputs, targets and weights do not fit each other or the spec.
        """
        fit = as_samples("train", spec, self.train_inputs, self.train_targets, self.train_weights)
        test = as_samples("test", spec, self.test_inputs, self.test_targets, self.test_weights)
        if len(fit) != len(test):
            raise UserError("Either both the train and the test samples have weights, or none of them")
        return fit, test


def as_samples(part: str, spec: DataSpec, *columns: NDArray[Any] | None) -> Samples:
    """Return inputs, targets and weights of a part as tensors; a single value for each sample is a column."""
    tensors = [as_tensor(column) for column in columns if column is not None]
    tensors[2:] = [weights.float() for weights in tensors[2:]]  # also where they are whole numbers
    if len({len(tensor) for tensor in tensors}) > 1:
        names = zip(("inputs", "targets", "weights"), map(len, tensors), strict=False)
        raise UserError(
            f"The {part} samples have {', '.join(f'{size} {name}' for name, size in names)}: each sample needs one"
        )
    targets = tensors[1]
    if spec.task == "regression" and targets.ndim == 1:
        tensors[1] = targets[:, None]
    if spec.task == "multilabel":
        tensors[1] = targets.float()
    if spec.task == "classification" and not targets.is_floating_point():
        wrong = targets[((targets < 0) | (targets >= spec.output_size)) & (targets != IGNORED)]
        if len(wrong):
            raise UserError(
                f"A {part} target is class {wrong[0]}, but spec.output_size={spec.output_size}: "
                f"classes are counted from 0 to {spec.output_size - 1}"
            )
    if len(tensors) > 2 and not ((tensors[2] >= 0) & tensors[2].isfinite()).all():
        raise UserError(f"The {part} samples have a weight that is negative or not a number")
    return tuple(tensors)


def as_tensor(values: NDArray[Any]) -> Tensor:
    """Return real numbers as float64 if they are, else as float32, all others as int64."""
    is_real = np.issubdtype(values.dtype, np.floating)
    kind = np.int64 if not is_real else np.float64 if values.dtype.itemsize >= np.float64().itemsize else np.float32
    return torch.from_numpy(np.ascontiguousarray(values, kind))


def means_of(targets: Tensor, spec: DataSpec) -> tuple[float, ...]:
    """Return the mean of each target (samples, K) of a regression; nothing for other tasks, and for dense targets."""
    if spec.task != "regression" or targets.ndim != 2:
        return ()
    return tuple(targets.double().mean(dim=0).tolist())


def count_classes(targets: Tensor, spec: DataSpec) -> tuple[int, ...]:
    """Return how many targets are of each class, or how many samples have each label; nothing for other tasks."""
    if spec.task == "multilabel" and targets.ndim == 2:
        return tuple(targets.sum(dim=0).long().tolist())
    if spec.task != "classification" or targets.is_floating_point():
        return ()
    return tuple(torch.bincount(targets[targets != IGNORED], minlength=spec.output_size).tolist())


def rows_of(values: Tensor, rows: Tensor) -> Tensor:
    """Return the rows (samples,) of a tensor, not copied where they follow each other."""
    if len(rows) and bool((rows == torch.arange(len(rows)) + rows[0]).all()):
        return values[int(rows[0]) : int(rows[-1]) + 1]
    return values[rows]


def in_pieces(function: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """Return what a function of each sample returns for all of them; what it needs on the way stays small."""
    pieces = values.split(max(1, PIECE // max(1, math.prod(values.shape[1:]))))
    if len(pieces) < 2:
        return function(values)
    first = function(pieces[0])
    result = first.new_empty((len(values), *first.shape[1:]))
    for place, piece in zip(result.split(len(first)), pieces, strict=True):
        place.copy_(function(piece))
    return result
