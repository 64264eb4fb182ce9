"""Images in a folder with one folder a class; above these may be train, val and test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from loguru import logger

from ...errors import UserError
from ..columns.values import listed
from .endings import ENDINGS, files_below, is_hidden, is_image
from .listing import Listing

# Folders above the classes that say what their images are for.
PART_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


def of_folder(folder: Path, columns: Mapping[str, Any], task: str) -> Listing:
    """Return the images of a folder that holds one folder a class; above these may be train, val and test.

    Args:
        folder: where they are.
        columns: settings that name columns of a table, with their values: all are None.
        task: auto or classification.

    Raises:
        UserError: it holds no such folders, or a setting is for a table.
    """
    for key, value in columns.items():
        if value is not None:
            raise UserError(
                f"data.path={folder} is a folder, whose folders are the classes, and data.{key}= names a column "
                "of a table: leave it out, or name a .csv or .parquet file"
            )
    if task not in ("auto", "classification"):
        raise UserError(
            f"data.path={folder} is a folder, whose folders are classes: data.task={task} needs a table of "
            "paths and targets, data.path=labels.csv data.image=<column> data.target=<column>"
        )
    here = subfolders(folder)
    parts = {path: PART_FOLDERS[path.name.lower()] for path in here if path.name.lower() in PART_FOLDERS}
    if not any(part == "train" and subfolders(path) for path, part in parts.items()):
        files, labels = of_classes(folder)
        of_parts = None
    else:
        rest = [path.name for path in here if path not in parts]
        if rest:
            logger.warning("{} has {} and beside them {}: left out", folder, named(parts), listed(rest, 5))
        files, labels = [], []
        said: list[str] = []
        for path, part in parts.items():
            more, of_these = of_classes(path)
            files, labels, said = files + more, labels + of_these, said + [part] * len(more)
        of_parts = np.array(said)
    names = [path.relative_to(folder).as_posix() for path in files]
    return Listing(files, names, np.array(labels), of_parts)


def named(paths: Sequence[Path] | dict[Path, str]) -> str:
    """Return the names of folders, for messages."""
    return listed([f"{path.name}/" for path in paths], 5)


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, in order, but those that are hidden."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))


def of_classes(folder: Path) -> tuple[list[Path], list[str]]:
    """Return the images in the folders of a folder, and the name of the folder of each.

    Raises:
        UserError: no folder holds an image.
    """
    files: list[Path] = []
    labels: list[str] = []
    others: list[Path] = []
    empty = []
    for path in subfolders(folder):
        images, rest = files_below(path)
        files, labels, others = files + images, labels + [path.name] * len(images), others + rest
        empty += [] if images else [path]
    loose = sorted(
        path.name for path in folder.iterdir() if path.is_file() and is_image(path.name) and not is_hidden(path.name)
    )
    if not files:
        found = f"{len(loose)} images, but no folders" if loose else "no folder that holds an image"
        raise UserError(
            f"data.path={folder} has {found}: it needs a folder for each class, with its images: photos/cat/1.jpg. "
            f"Their names end in {', '.join(ENDINGS)}.\nA table of paths and targets works as well: "
            "data.path=labels.csv data.image=<column> data.target=<column>"
        )
    if loose:
        logger.warning(
            "{}: images outside the class folders are left out: {} ({})", folder, listed(loose, 3), len(loose)
        )
    if empty:
        logger.warning("{}: no image in {}: no class", folder, named(empty))
    if others:
        some = listed([path.name for path in others], 3)
        logger.info("{}: files whose names do not end like those of images: {} ({})", folder, some, len(others))
    return files, labels
