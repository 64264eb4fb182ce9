"""Which samples are trained on, which are held out to choose by, and which are the test.

A column or a folder says it, or it is drawn with the seed. Samples of one group, such as a patient, are in one part.
"""

from collections.abc import Callable, Mapping, Sized
from typing import Any

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray
from torch import Tensor

from ..errors import UserError, with_nearest
from .arrays import Samples, count_classes
from .columns.values import as_text, listed
from .datamodule import ArrayDataModule
from .folds import fold_of_samples, whole_groups
from .lazy_polars import pl
from .spec import DataSpec

PARTS = ("train", "val", "test")
Parts = dict[str, NDArray[np.int64]]  # the numbers of the samples of each


class DividedArrays(ArrayDataModule):
    """A data set whose `load` divides the samples itself, as what it learns of them comes from the training samples.

    It returns those that are trained on in front of those that are validated with, and counts the former.
    """

    test_fraction: float  # of the samples
    train_rows = 0

    def tested(self, kinds: NDArray[np.int64], groups: NDArray[np.int64] | None) -> NDArray[np.bool_]:
        """Return which samples are the test: those of the fold, or a share that is drawn with the seed."""
        if self.folds is not None:
            return fold_of_samples(self.folds, kinds, groups) == self.fold
        if groups is not None:
            return whole_groups(self.test_fraction, groups, self.seed, "data.test_fraction")
        order = torch.randperm(len(kinds), generator=torch.Generator().manual_seed(self.seed)).numpy()
        return np.isin(np.arange(len(kinds)), order[: round(self.test_fraction * len(kinds))])

    def with_val(self, train: NDArray[np.int64], groups: NDArray[np.int64] | None) -> Parts:
        """Return which of some samples to train on, and which to validate with: whole groups, or drawn one by one."""
        if groups is not None and self.val_fraction > 0:
            is_val = whole_groups(self.val_fraction, groups[train], self.seed, "data.val_fraction")
            return {"train": train[~is_val], "val": train[is_val]}
        kept, val = super().split(len(train))
        return {"train": train[kept.numpy()], "val": train[val.numpy()]}  # a tensor of one would be a number

    def divide(self, fit: Samples, test: Samples) -> tuple[Samples, Samples]:
        return fit, test

    def split(self, samples: int) -> tuple[Tensor, Tensor]:
        rows = torch.arange(samples)
        return rows[: self.train_rows], rows[self.train_rows :]

    @property
    def validates(self) -> bool:
        return len(self.raw["val"][0]) > 0

    def needed(self, parts: Parts, files: str, groups: NDArray[np.int64] | None, decides: str) -> Parts:
        """Return parts of which some are to validate with, if none are stated.

        `decides` is the setting that says which are the test.

        Raises:
            UserError: no sample is for training, or none for the test.
        """
        for part in ("train", "test"):
            if not len(parts[part]):
                decides = decides if self.folds is None else f"data.fold={self.fold} of data.folds={self.folds}"
                count = sum(map(len, parts.values()))
                raise UserError(f"{decides} leaves none of {count} samples in {files} for {part}")
        return parts if len(parts["val"]) else parts | self.with_val(parts["train"], groups)


def stated(column: "pl.Series") -> NDArray[np.str_]:
    """Return the part of each sample (N,), as data.split_column says.

    Raises:
        UserError: one is something else than train, val or test.
    """
    says = as_text(column).fill_null("(missing)").to_numpy().astype(str)
    if unknown := sorted({*says.tolist()} - {*PARTS}):
        found = f"data.split_column={column.name} holds {listed(unknown, 5)}; it can be {', '.join(PARTS)}."
        raise UserError(with_nearest(found, unknown[0], PARTS))
    return says


def sizes(parts: Mapping[str, Sized]) -> str:
    return ", ".join(f"{len(parts[part])} {part}" for part in PARTS)


def refuse_changed(now: str, before: str, subject: str, samples: str) -> None:
    """Refuse to test with data that are not those of the training any more: they would be split in another way.

    `now` is the digest of what was read; empty: nothing was. The subject has a verb: `houses.csv has`.
    """
    if now and now != before:
        raise UserError(
            f"{subject} changed since this run was trained: the {samples} would be split differently, and the model "
            f"may have seen some of the test part. `predict` takes new {samples}."
        )


def numbers_of(part_of: NDArray[Any]) -> Parts:
    """Return the numbers of the samples of each part, given the part of each sample (N,)."""
    return {part: np.flatnonzero(part_of == part) for part in PARTS}


def refuse_torn(parts: Parts, groups: NDArray[np.int64], split: str, group: str, named: Callable[[int], str]) -> None:
    """Refuse parts that share a group.

    `named` returns what to call the group of a sample, given its number.
    """
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = np.intersect1d(groups[parts[one]], groups[parts[other]])
        if len(shared):
            name = named(int(np.flatnonzero(groups == shared[0])[0]))
            raise UserError(f"{split} puts {name} into {one} and into {other}; {group} says that a group stays whole")


def warn_of_absent(targets: Tensor, spec: DataSpec, sample: str) -> None:
    """Name the classes, or labels, that no training `sample`, such as a row, has."""
    counts = count_classes(targets, spec)
    absent = [name for name, count in zip(spec.class_names, counts, strict=False) if not count]
    if absent:
        logger.warning("No training {} is of class {}: the model cannot learn it.", sample, listed(absent))
