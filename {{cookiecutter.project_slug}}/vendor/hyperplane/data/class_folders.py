"""Files in a folder with one folder a class, each a sample; above these may be train, val and test."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ..errors import UserError
from .columns.values import listed

# Folders above the classes that say what their files are for.
PART_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


class Samples(NamedTuple):
    """What the files are, for messages, and how they are told from others."""

    noun: str
    example: str
    endings: tuple[str, ...]
    table: str  # the settings of a table instead


class ClassFiles(NamedTuple):
    """The files, with what is known of each."""

    files: list[Path]
    names: list[str]  # relative to the folder
    labels: NDArray[np.str_]  # the folder of each (N,)
    parts: NDArray[np.str_] | None  # train, val or test (N,), where folders say it


def of_folder(folder: Path, samples: Samples, columns: Mapping[str, Any], task: str) -> ClassFiles:
    """Return the files of a folder that holds one folder a class; above these may be train, val and test.

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
            f"data.path={folder} is a folder, whose folders are classes: data.task={task} needs a table, "
            f"{samples.table}"
        )
    here = subfolders(folder)
    parts = {path: PART_FOLDERS[path.name.lower()] for path in here if path.name.lower() in PART_FOLDERS}
    if not any(part == "train" and subfolders(path) for path, part in parts.items()):
        files, labels = of_classes(folder, samples)
        of_parts = None
    else:
        rest = [path.name for path in here if path not in parts]
        if rest:
            logger.warning("{} has {} and beside them {}: left out", folder, named(parts), listed(rest, 5))
        files, labels = [], []
        said: list[str] = []
        for path, part in parts.items():
            more, of_these = of_classes(path, samples)
            files, labels, said = files + more, labels + of_these, said + [part] * len(more)
        of_parts = np.array(said)
    names = [path.relative_to(folder).as_posix() for path in files]
    return ClassFiles(files, names, np.array(labels), of_parts)


def named(paths: Sequence[Path] | dict[Path, str]) -> str:
    """Return the names of folders, for messages."""
    return listed([f"{path.name}/" for path in paths], 5)


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, in order, but those that are hidden."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not is_hidden(path.name))


def of_classes(folder: Path, samples: Samples) -> tuple[list[Path], list[str]]:
    """Return the files in the folders of a folder, and the name of the folder of each."""
    files: list[Path] = []
    labels: list[str] = []
    others: list[Path] = []
    empty = []
    for path in subfolders(folder):
        here, rest = files_below(path, samples.endings)
        files, labels, others = files + here, labels + [path.name] * len(here), others + rest
        empty += [] if here else [path]
    loose = sorted(
        path.name
        for path in folder.iterdir()
        if path.is_file() and path.name.lower().endswith(samples.endings) and not is_hidden(path.name)
    )
    noun = samples.noun
    if not files:
        found = f"{len(loose)} {noun}s, but no folders" if loose else f"no folder that holds any {noun}"
        raise UserError(
            f"data.path={folder} has {found}: it needs a folder for each class, with its {noun}s: {samples.example}. "
            f"Their names end in {', '.join(samples.endings)}.\nA table works as well: {samples.table}"
        )
    if loose:
        logger.warning(
            "{}: {}s outside the class folders are left out: {} ({})", folder, noun, listed(loose, 3), len(loose)
        )
    if empty:
        logger.warning("{}: no {} in {}: no class", folder, noun, named(empty))
    if others:
        some = listed([path.name for path in others], 3)
        logger.info("{}: files whose names do not end like those of {}s: {} ({})", folder, noun, some, len(others))
    return files, labels


def is_hidden(name: str) -> bool:
    """Say whether systems keep a file or folder of that name for themselves."""
    return name.startswith((".", "__MACOSX")) or name.lower() in ("thumbs.db", "desktop.ini")


def files_below(folder: Path, endings: tuple[str, ...]) -> tuple[list[Path], list[Path]]:
    """Return the files in a folder and in all below it that have an ending, in order, and the others, but hidden ones.

    Links are followed, into each folder once; not to a folder that they stand in, whose files are of other classes.
    """
    wanted: list[Path] = []
    others: list[Path] = []
    seen = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        stat, place = Path(parent).stat(), Path(parent).resolve()
        if (stat.st_dev, stat.st_ino) in seen or place in folder.resolve().parents:
            folders.clear()
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        for name in sorted(name for name in names if not is_hidden(name)):
            (wanted if name.lower().endswith(endings) else others).append(Path(parent, name))
    return wanted, others
