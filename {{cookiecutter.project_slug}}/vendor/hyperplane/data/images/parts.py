"""Which images are trained on, which are held out, and whether the same one is on both sides."""

from collections.abc import Sequence

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ..columns.values import listed
from ..folds import whole_groups
from ..parts import Parts


def held_out(
    share: float, kinds: NDArray[np.int64], groups: NDArray[np.int64] | None, seed: int, key: str
) -> NDArray[np.bool_]:
    """Return which images to hold out (N,): of each kind its share, to one image, or whole groups.

    Args:
        share: of the images, above 0 and below 1.
        kinds: of each, see `strata` in folds.py (N,).
        groups: of each (N,); None: each may go anywhere.
        seed: of the draw.
        key: the setting that says the share, for messages.

    Raises:
        UserError: there is only one group.
    """
    if groups is not None:
        return whole_groups(share, groups, seed, key)
    shuffled = np.random.default_rng((seed, len(kinds))).permutation(len(kinds))
    by_kind = shuffled[np.argsort(kinds[shuffled], kind="stable")]
    is_held_out = np.empty(len(kinds), np.bool_)
    is_held_out[by_kind] = np.diff(np.floor(share * np.arange(len(kinds) + 1) + 0.5)) > 0  # evenly along the kinds
    return is_held_out


def leaks(names: Sequence[str], digests: Sequence[str], parts: Parts) -> int:
    """Return how many images of the test are trained on or validated with as well, byte by byte, and name them.

    Args:
        names: of all images.
        digests: of their files.
        parts: the numbers of the images of each.
    """
    seen = {digests[row]: row for part in ("val", "train") for row in parts[part]}
    twice = [(row, seen[digests[row]]) for row in parts["test"] if digests[row] in seen]
    if twice:
        logger.warning(
            "{} of {} test images are trained on or validated with as well, byte by byte: {}. The test is too good by "
            "that: remove the copies",
            len(twice),
            len(parts["test"]),
            listed([f"{names[one]} = {names[other]}" for one, other in twice], 3),
        )
    return len(twice)
