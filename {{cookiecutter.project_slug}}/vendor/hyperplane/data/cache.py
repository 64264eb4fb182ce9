"""Arrays that take seconds to make are made once and kept as .npz."""

import contextlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
from filelock import FileLock
from loguru import logger
from numpy.typing import NDArray

from ..whole_file import whole_file

ArrayDict = dict[str, NDArray[Any]]
SMALL = 16 * 2**20  # bytes of arrays, once they are unpacked, that stay in memory


def cached(path: Path, make: Callable[[], ArrayDict], compress: bool = True) -> ArrayDict:
    """Return the arrays in `path`, or make them and keep them there.

    Of several processes that need them at once, one makes them and the others wait. The file is written beside and
    renamed: a kill in the middle leaves either no file or a whole one. A file that cannot be read is made anew.
    """
    arrays = read(path)
    if arrays is not None:
        return arrays
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.name}.lock")):
            arrays = read(path)  # another process may have made them meanwhile
            if arrays is None:
                arrays = make()
                write(path, arrays, compress)
    except (OSError, NotImplementedError) as error:
        if arrays is None:
            arrays = make()
        logger.warning("{} cannot be written ({}); the next run makes these arrays again.", path, error)
    return arrays


def read(path: Path) -> ArrayDict | None:
    """Return the arrays in `path`, or None if there are none that can be read."""
    try:
        facts = path.stat()
        if unpacked_bytes(path) > SMALL:
            return unpacked(path)
        kept = last_read(path.absolute(), facts.st_mtime_ns, facts.st_size)
        return {name: array.copy() for name, array in kept.items()}
    except FileNotFoundError:
        return None
    except Exception as error:
        logger.warning("{} cannot be read ({}), so it is created again.", path, error)
        return None


@lru_cache(maxsize=1)
def last_read(path: Path, *_: int) -> ArrayDict:
    """Return the arrays in `path`, which stay in memory: the jobs of a sweep read the same ones, one after the other.

    The other arguments tell a file from the one that was there before.
    """
    return unpacked(path)


def unpacked_bytes(path: Path) -> int:
    with ZipFile(path) as archive:
        return sum(array.file_size for array in archive.infolist())


def unpacked(path: Path) -> ArrayDict:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def write(path: Path, arrays: ArrayDict, compress: bool = True) -> None:
    """Write arrays; it takes seconds for each GiB, and ten times as long where they are compressed."""
    save = np.savez_compressed if compress else np.savez
    with whole_file(path) as partial, partial.open("wb") as file:
        save(file, allow_pickle=False, **arrays)


def keep_within(most: int, used: Path, pattern: str) -> None:
    """Remove files of arrays that were not used for longest, until all of them take at most `most` bytes.

    The file `used` stays; the others lie beside it, and `pattern` is that of the names of all.
    """
    with contextlib.suppress(OSError):  # another process may remove one at the same time, or the folder be read-only
        used.touch()
        stats = {path: path.stat() for path in used.parent.glob(pattern) if path != used}
        left = sum(stat.st_size for stat in stats.values()) + used.stat().st_size
        for path, stat in sorted(stats.items(), key=lambda item: item[1].st_mtime_ns):
            if left <= most:
                return
            path.unlink()
            left -= stat.st_size
