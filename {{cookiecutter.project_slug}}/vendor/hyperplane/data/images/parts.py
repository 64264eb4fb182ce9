"""Which images are trained on, which are held out, and whether the same one is on both sides."""

from collections.abc import Sequence

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..columns.roles import PARTS
from ..columns.values import listed
from ..folds import whole_groups


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


def stated(parts: NDArray[np.str_], key: str) -> NDArray[np.object_]:
    """Return the part of each image (N,) as its folder or its row says.

    Raises:
        UserError: it says something else than train, val or test.
    """
    unknown = sorted(set(parts.tolist()) - set(PARTS))
    if unknown:
        raise UserError(f"{key} holds {listed(unknown, 5)}; an image can be for {', '.join(PARTS)}")
    return parts.astype(object)


def refuse_torn(groups: NDArray[np.int64], parts: dict[str, NDArray[np.int64]], split: str, group: str) -> None:
    """Refuse parts that share a group.

    Raises:
        UserError: two of them do.
    """
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = np.intersect1d(groups[parts[one]], groups[parts[other]])
        if len(shared):
            raise UserError(
                f"{split} puts images of {len(shared)} groups into {one} and into {other}; {group} says that a group "
                "stays whole"
            )


def leaks(names: Sequence[str], digests: Sequence[str], parts: dict[str, NDArray[np.int64]]) -> int:
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
