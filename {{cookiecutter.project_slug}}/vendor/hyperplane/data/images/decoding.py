"""Images decoded with several threads, and those of new files a few at a time."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger
from PIL import Image
from tqdm import tqdm

from ...errors import UserError
from ...processes.cores import cores_for_this_job
from ..columns.values import listed
from ..new_samples import Piece
from .files import ImageShape, Unreadable, pixels_in

AT_ONCE = 256  # images that are predicted
AHEAD = 64  # images that each thread may have read before they are taken


def decoded(files: Sequence[Path], names: Sequence[str], shape: ImageShape, source: Path) -> Iterator[Piece]:
    """Yield images (B, H, W, C) float32, some at a time, and their numbers; name those that cannot be read at the end.

    Raises:
        UserError: none can be read.
    """
    wrong = []
    for first in range(0, len(files), AT_ONCE):
        found = list(for_each(lambda path: pixels_in(path, shape)[1], files[first : first + AT_ONCE], "Predicting"))
        wrong += [f"{names[first + i]} ({one})" for i, one in enumerate(found) if isinstance(one, Unreadable)]
        right = [i for i, one in enumerate(found) if not isinstance(one, Unreadable)]
        if right:
            yield np.stack([found[i] for i in right]).astype(np.float32), np.array(right) + first
    if len(wrong) == len(files):
        raise UserError(f"input={source}: none of {len(files)} images can be read: {listed(wrong, 5)}")
    if wrong:
        logger.warning(
            "{} of {} images cannot be read and have no prediction: {}", len(wrong), len(files), listed(wrong)
        )


def for_each(read: Callable[[Path], Any], paths: Sequence[Path], doing: str) -> Iterator[Any]:
    """Yield what `read` returns for each path, in order, or the Unreadable that it raised.

    It is called in as many threads as there are cores; Pillow computes outside Python's lock.
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
