"""All images of a data set, read once when a run starts, with several threads; damaged ones are named and left out.

Dimensions: N images, H × W rows and columns, C channels.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from loguru import logger
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from ...errors import UserError
from ...processes.cores import cores_for_this_job
from ..columns.values import listed
from .files import ImageShape, Unreadable, read_image
from .listing import Listing

GIB = 2**30
AHEAD = 64  # images that each thread may have read before they are taken


class Read(NamedTuple):
    """What reading all files once has found."""

    pixels: NDArray[Any] | None  # (N, H, W, C), if they fit in memory
    means: NDArray[np.float64]  # of each channel of each image (N, C)
    variances: NDArray[np.float64]  # the same
    digests: list[str]  # of the files


def read_all(listing: Listing, shape: ImageShape, memory: float, source: Path) -> tuple[Listing, Read]:
    """Read all files, and return the images that could be decoded.

    Args:
        listing: of the images.
        shape: what they are brought to.
        memory: GiB that they may take; beyond it pixels are not kept.
        source: where they come from, for messages.

    Raises:
        UserError: none could be decoded.
    """
    count = len(listing.files)
    fits = count * shape.bytes <= memory * GIB
    pixels = np.empty((count, *shape.size), shape.kind) if fits else None
    found: list[Any] = []
    for number, one in enumerate(for_each(lambda path: read_image(path, shape), listing.files, "Reading images")):
        if pixels is not None and not isinstance(one, Unreadable):
            pixels[number] = one.values
        found.append(one if isinstance(one, Unreadable) else (number, one.mean, one.variance, one.digest))
    listing, rest = only_readable(listing, found, source)
    numbers, means, variances, digests = zip(*rest, strict=True)
    if pixels is not None and len(numbers) < count:
        pixels = pixels[list(numbers)]
    return listing, Read(pixels, np.array(means), np.array(variances), list(digests))


def only_readable(listing: Listing, found: list[Any], source: Path) -> tuple[Listing, list[Any]]:
    """Return the images that could be read, with what was found of each; name the others.

    Args:
        listing: of all.
        found: of each, or the Unreadable that says why not.
        source: where they come from.

    Raises:
        UserError: none could.
    """
    wrong = [number for number, one in enumerate(found) if isinstance(one, Unreadable)]
    some = listed([f"{listing.names[number]} ({found[number]})" for number in wrong], 5)
    if len(wrong) == len(found):
        raise UserError(f"data.path={source}: none of {len(found)} images can be read: {some}")
    if not wrong:
        return listing, found
    logger.warning("{}: {} of {} images cannot be read and are left out: {}", source, len(wrong), len(found), some)
    rows = np.setdiff1d(np.arange(len(found)), wrong)
    return listing.only(rows), [found[row] for row in rows]


def for_each(read: Callable[[Path], Any], paths: Sequence[Path], doing: str) -> Iterator[Any]:
    """Yield what `read` returns for each path, in order, or the Unreadable that it raised.

    Args:
        read: called in as many threads as there are cores; Pillow computes outside Python's lock.
        paths: of the files.
        doing: what stands beside the progress bar.
    """

    def attempt(path: Path) -> Any:
        try:
            return read(path)
        except Unreadable as error:
            return error

    with warnings.catch_warnings(), ThreadPoolExecutor(cores_for_this_job(), "reads-images") as threads:
        warnings.filterwarnings("ignore", module="PIL")  # a file that is damaged is named by whoever asks
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        some = AHEAD * cores_for_this_job()  # at once, so that few are in memory
        with tqdm(total=len(paths), desc=doing, unit="image", leave=False, disable=None, delay=1) as bar:
            for first in range(0, len(paths), some):
                for result in threads.map(attempt, paths[first : first + some]):
                    bar.update()
                    yield result
