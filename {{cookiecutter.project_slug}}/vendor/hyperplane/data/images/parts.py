"""Which images are trained on, which are held out, and whether the same one is on both sides."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from loguru import logger
from numpy.typing import NDArray
from torch import Tensor

from ...errors import UserError
from ..columns.values import listed
from ..datamodule import ArrayDataModule
from ..folds import fold_of_samples, whole_groups
from ..parts import PARTS, Parts, numbers_of, refuse_torn, sizes
from .listing import Listing


class DividedImages(ArrayDataModule):
    """Images in parts, as they are stated, or drawn with the seed."""

    path: Path
    test_fraction: float
    split_column: str | None
    rows: dict[str, Tensor]  # the numbers of the images of each part

    @property
    def validates(self) -> bool:
        return len(self.rows["val"]) > 0

    def tested(self, kinds: NDArray[np.int64], groups: NDArray[np.int64] | None) -> NDArray[np.bool_]:
        """Return which images are the test: those of the fold, or a share that is drawn with the seed."""
        if self.folds is not None:
            return fold_of_samples(self.folds, kinds, groups) == self.fold
        return held_out(self.test_fraction, kinds, groups, self.seed, "data.test_fraction")

    def parts_of(self, listing: Listing, kinds: NDArray[np.int64]) -> Parts:
        """Return the numbers of the images of each part.

        Raises:
            UserError: a part that is needed has none, or what is stated is no part.
        """
        part_of = np.full(len(kinds), "train", object)
        if listing.parts is not None:
            part_of = listing.parts.astype(object)
        groups = listing.groups
        if not (part_of == "test").any():
            free = np.flatnonzero(part_of == "train")
            part_of[free[self.tested(kinds[free], None if groups is None else groups[free])]] = "test"
        if self.val_fraction and not (part_of == "val").any():
            free = np.flatnonzero(part_of == "train")
            of_free = None if groups is None else groups[free]
            part_of[free[held_out(self.val_fraction, kinds[free], of_free, self.seed, "data.val_fraction")]] = "val"
        parts = numbers_of(part_of)
        for part in PARTS:
            if not len(parts[part]) and (part != "val" or self.val_fraction):
                raise UserError(
                    f"None of the {len(kinds)} images in {self.path} is for {part} ({sizes(parts)}): change "
                    f"data.test_fraction={self.test_fraction} or data.val_fraction={self.val_fraction}"
                )
        if groups is not None:
            split, group = f"data.split_column={self.split_column}", f"data.group={self.group}"
            refuse_torn(parts, groups, split, group, lambda row: f"the group of {listing.names[row]}")
        return parts


def held_out(
    share: float, kinds: NDArray[np.int64], groups: NDArray[np.int64] | None, seed: int, key: str
) -> NDArray[np.bool_]:
    """Return which images to hold out (N,): of each kind its share, to one image, or whole groups.

    `kinds`, see `strata` in folds.py, and `groups` are those of each image (N,).
    """
    if groups is not None:
        return whole_groups(share, groups, seed, key)
    shuffled = np.random.default_rng((seed, len(kinds))).permutation(len(kinds))
    by_kind = shuffled[np.argsort(kinds[shuffled], kind="stable")]
    is_held_out = np.empty(len(kinds), np.bool_)
    is_held_out[by_kind] = np.diff(np.floor(share * np.arange(len(kinds) + 1) + 0.5)) > 0  # evenly along the kinds
    return is_held_out


def leaks(names: Sequence[str], digests: Sequence[str], parts: Parts) -> int:
    """Return how many images of the test are trained on or validated with as well, byte by byte, and name them."""
    seen = {digests[row]: row for part in ("val", "train") for row in parts[part]}
    twice = [(row, seen[digests[row]]) for row in parts["test"] if digests[row] in seen]
    if twice:
        logger.warning(
            "{} of {} test images are also used for training or validation (identical files): {}. The test is too "
            "optimistic: remove the copies",
            len(twice),
            len(parts["test"]),
            listed([f"{names[one]} = {names[other]}" for one, other in twice], 3),
        )
    return len(twice)
