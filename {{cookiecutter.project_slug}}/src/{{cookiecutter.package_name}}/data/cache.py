"""Arrays that take seconds to make are made once and kept as .npz."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger
from numpy.typing import NDArray

ArrayDict = dict[str, NDArray[Any]]


def cached(path: Path, make: Callable[[], ArrayDict]) -> ArrayDict:
    """Return the arrays in `path`, or make them and keep them there.

    The file is written beside and renamed: several processes may do this at once, and a kill in the middle leaves
    either no file or a whole one. A file that cannot be read is made anew.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        pass
    except Exception as error:
        logger.warning("{} cannot be read ({}), so it is made anew.", path, error)
    arrays = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)
        Path(file.name).chmod(0o644)
        Path(file.name).replace(path)
    except OSError as error:
        logger.warning("{} cannot be written ({}); the next run makes these arrays again.", path, error)
    return arrays
