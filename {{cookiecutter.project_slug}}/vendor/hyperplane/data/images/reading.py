"""All images of a data set, decoded once with several threads; damaged ones are named and left out.

What was decoded is kept in a file for the next run. Its name follows from the files (path, size, and the times of their
last change, which the system notes) and from what was asked of them; so a file that has changed is decoded anew.

Dimensions: N images, H × W rows and columns, C channels.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import PIL
import torch
from loguru import logger
from numpy.typing import NDArray
from torch import Tensor

from ...errors import UserError
from ..cache import ArrayDict, cached, keep_within
from ..columns.values import listed
from ..scaling import mean_and_std
from .decoding import for_each
from .files import Header, ImageShape, Unreadable, common_shape, header_of, read_image
from .listing import Listing

GIB = 2**30
KEPT = 8 * GIB  # bytes of all files with decoded images; those that were not used for longest go first
SETTLED = 2e9  # nanoseconds after which a further change of a file surely has another time
LAYOUT = 1  # of these files; another one lets all be made anew
DIGITS = 16  # hexadecimal, in the names of these files


class Asked(NamedTuple):
    """What images are decoded to."""

    size: tuple[int, int] | None  # height and width; None: see `common_shape`
    channels: int | None
    memory: float  # GiB that pixels may take; beyond it they are not kept


class Read(NamedTuple):
    """What reading all files once has found."""

    shape: ImageShape
    headers: list[Header]  # of the images that could be decoded, as all that follows
    pixels: NDArray[Any] | None  # (N, H, W, C), if they fit in memory
    means: NDArray[np.float64]  # of each channel of each image (N, C)
    variances: NDArray[np.float64]  # the same
    digests: list[str]  # of the files

    def moments(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of each channel (C,) over all pixels of some images, in float64."""
        means = torch.from_numpy(self.means[rows])
        within, between = torch.from_numpy(self.variances[rows]).mean(dim=0), means.var(dim=0, correction=0)
        return mean_and_std(means.mean(dim=0), (within + between).sqrt())


def read_all(listing: Listing, asked: Asked, source: Path, folder: Path) -> tuple[Listing, Read]:
    """Read all files, or what an earlier run kept of them, and return the images that could be decoded."""
    name = name_of(listing.files, asked)
    if name is None:
        arrays = decode_all(listing.files, asked)
    else:
        path = folder / name
        was_kept = path.is_file()
        arrays = cached(path, lambda: decode_all(listing.files, asked), compress=False)
        if path.is_file():  # and the folder can be written to
            logger.info("{}: decoded images are {} {}", source, "taken from" if was_kept else "kept in", path)
            keep_within(KEPT, path, f"images-{'[0-9a-f]' * DIGITS}.npz")
    problems = arrays["problems"].tolist()
    listing = only_readable(listing, problems, source)
    headers = [Header(int(h), int(w), bool(grey), bool(deep), int(n)) for h, w, grey, deep, n in arrays["headers"]]
    height, width, channels, is_deep = arrays["shape"].tolist()
    shape = ImageShape(height, width, channels, bool(is_deep))
    pixels = arrays.get("pixels")
    return listing, Read(shape, headers, pixels, arrays["means"], arrays["variances"], arrays["digests"].tolist())


def name_of(files: Sequence[Path], asked: Asked) -> str | None:
    """Return the name of the file that decoded images are kept in; None if some may be written at this moment."""
    now = time.time_ns()
    known: list[list[str | int]] = []
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            known.append([str(file)])
            continue
        if max(stat.st_mtime_ns, stat.st_ctime_ns) > now - SETTLED:
            return None
        known.append([str(file.absolute()), stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns])
    origin = json.dumps([LAYOUT, PIL.__version__, asked, known])
    return f"images-{hashlib.sha256(origin.encode('utf-8', 'surrogateescape')).hexdigest()[:DIGITS]}.npz"


def decode_all(files: Sequence[Path], asked: Asked) -> ArrayDict:
    """Return what was decoded: `problems` says for each file why it could not be, all else is of those that could.

    Returns:
        problems, headers, shape, means, variances, digests as in `Read`; and pixels if they fit in memory.
    """
    looked = list(for_each(header_of, files, "Looking at images"))
    problems = [str(one) if isinstance(one, Unreadable) else "" for one in looked]
    rows = [row for row, problem in enumerate(problems) if not problem]
    if not rows:
        return {"problems": np.array(problems)}
    shape = common_shape([looked[row] for row in rows], asked.size, asked.channels)
    fits = len(rows) * shape.bytes <= asked.memory * GIB
    pixels = np.empty((len(rows), *shape.size), shape.kind) if fits else None
    taken: list[Any] = []
    for row, one in zip(
        rows,
        for_each(lambda path: read_image(path, shape), [files[row] for row in rows], "Reading images"),
        strict=True,
    ):
        if isinstance(one, Unreadable):
            problems[row] = str(one)
            continue
        if pixels is not None:
            pixels[len(taken)] = one.values
        taken.append((looked[row], one.mean, one.variance, one.digest))
    if not taken:
        return {"problems": np.array(problems)}
    headers, means, variances, digests = (np.array(values) for values in zip(*taken, strict=True))
    found = {"problems": np.array(problems), "headers": headers.astype(np.int64), "digests": digests}
    found |= {"means": means, "variances": variances, "shape": np.array([*shape.size, shape.is_deep])}
    return found if pixels is None else found | {"pixels": pixels[: len(taken)]}


def only_readable(listing: Listing, problems: Sequence[str], source: Path) -> Listing:
    """Return the images that could be read; name the others, with the `problems` that they had."""
    wrong = [number for number, problem in enumerate(problems) if problem]
    some = listed([f"{listing.names[number]} ({problems[number]})" for number in wrong], 5)
    if len(wrong) == len(problems):
        raise UserError(f"data.path={source}: none of {len(problems)} images can be read: {some}")
    if not wrong:
        return listing
    logger.warning("{}: {} of {} images cannot be read and are left out: {}", source, len(wrong), len(problems), some)
    return listing.only(np.setdiff1d(np.arange(len(problems)), wrong))


def digest_of(names: Sequence[str], digests: Sequence[str]) -> str:
    """Return what tells whether files, or their names, have changed."""
    both = "\n".join(f"{name} {one}" for name, one in zip(names, digests, strict=True))
    return hashlib.sha256(both.encode()).hexdigest()
