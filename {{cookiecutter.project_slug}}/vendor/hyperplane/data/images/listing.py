"""Which images a data set has, with the target of each: a folder with one folder a class, or a table of paths."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError, nearest
from ...paths import expanded
from ..columns.names import require_columns
from ..columns.roles import groups_of
from ..columns.target import Targets, TaskName, encode_targets, has_value
from ..columns.values import as_text, is_text, listed
from ..files.survey import Spelling
from ..files.table_files import column_names, read_columns
from ..parts import stated
from .endings import ENDINGS, files_below, is_hidden, is_image

if TYPE_CHECKING:
    from polars import DataFrame

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


@dataclass(frozen=True)
class Listing:
    """Images with what is known of each; `targets_of` says what is to be predicted."""

    files: list[Path]
    names: list[str]  # as they are called in messages, and in predictions
    labels: Any  # the folder of each (N,), or the columns of targets: a polars DataFrame
    parts: NDArray[np.str_] | None = None  # train, val or test (N,), where that is stated
    groups: NDArray[np.int64] | None = None  # (N,), where that is stated

    def only(self, rows: NDArray[np.int64]) -> "Listing":
        """Return some of the images."""
        return Listing(
            [self.files[row] for row in rows],
            [self.names[row] for row in rows],
            self.labels[rows],
            None if self.parts is None else self.parts[rows],
            None if self.groups is None else self.groups[rows],
        )

    def targets_of(self, task: TaskName | Literal["auto"]) -> Targets:
        """Return the task, the targets, and the names of classes or labels.

        Raises:
            UserError: they make no task.
        """
        if not isinstance(self.labels, np.ndarray):
            return encode_targets(self.labels, task)
        names, numbers = np.unique(self.labels, return_inverse=True)
        if len(names) < 2:
            raise UserError(f"All {len(numbers)} images are in one folder, {names[0]}: there is nothing to tell apart")
        counts = np.bincount(numbers)
        logger.info("Classes: {}", listed([f"{name} ({count})" for name, count in zip(names, counts, strict=True)]))
        return Targets("classification", numbers.astype(np.int64), tuple(names.tolist()))


def of_folder(folder: Path) -> Listing:
    """Return the images of a folder that holds one folder a class; above these may be train, val and test.

    Raises:
        UserError: it holds no such folders.
    """
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


def of_table(
    path: Path, image: str | None, targets: Sequence[str], group: str | None, split_column: str | None
) -> Listing:
    """Return the images that the rows of a file name, with their targets.

    Args:
        path: .csv, .csv.gz, .tsv or .parquet.
        image: the column of paths, which are relative to the file.
        targets: columns to predict; rows without one are left out.
        group: a column whose rows with the same value stay together.
        split_column: a column that says train, val or test.

    Raises:
        UserError: a column is not there, or not named.
    """
    columns = column_names(path)
    for key, what in (("image", "paths of the images"), ("target", "values to predict")):
        if not (image if key == "image" else targets):
            raise UserError(
                f"data.path={path} is a table: data.{key}= names its column with the {what}. It has: {listed(columns)}"
            )
    others = [("group", group), ("split_column", split_column)]
    roles = [("image", image), *(("target", name) for name in targets), *others]
    require_columns(roles, columns, path)
    table, _ = read_columns(path, [name for _, name in roles if name is not None], Spelling())
    table = table.filter(has_value(table, targets))
    files, names = paths_of(table, image or "", path, "data.image")
    return Listing(
        files,
        names,
        table[list(targets)],
        None if split_column is None else stated(table[split_column]),
        None if group is None else groups_of(table[group]),
    )


def paths_of(table: "DataFrame", column: str, path: Path, key: str) -> tuple[list[Path], list[str]]:
    """Return the files that a column names, relative to the table's own folder, and their names as they stand there.

    Raises:
        UserError: a row has none, the column holds no text, or not one of the files is there.
    """
    values = table[column]
    if not is_text(values):
        raise UserError(f"{key}={column} must hold paths; it holds {values.dtype}: {values[0]!r}")
    missing = as_text(values).is_null().arg_true()
    if len(missing):
        raise UserError(f"{key}={column}: row {missing[0] + 1} names no file")
    names = as_text(values).to_list()
    folder = expanded(path).parent
    files = [folder / name.replace("\\", "/") for name in names]
    if not any(file.is_file() for file in files):
        raise UserError(
            f"{key}={column}: none of the {len(files)} files is there, the first is {names[0]}. Paths are relative to "
            f"the folder of the table, {folder.absolute()}"
        )
    return files, names


def new_images(source: Path, column: str) -> tuple[list[Path], list[str]]:
    """Return the images to predict and their names: one file, all in a folder and below it, or those of a table.

    Args:
        source: what was typed.
        column: of a table, which holds paths relative to it; empty: its first one.

    Raises:
        UserError: there is none.
    """
    if source.is_dir():
        images, _ = files_below(source)
        if not images:
            raise UserError(f"input={source} holds no image: names end in {', '.join(ENDINGS)}")
        return images, [path.relative_to(source).as_posix() for path in images]
    if is_image(source.name):
        return [source], [source.name]
    columns = column_names(source, "input")
    column = column or columns[0]
    if column not in columns:
        raise UserError(
            f"input={source} has no column {column!r}. {nearest(column, columns)} It has: {listed(columns)}"
        )
    table, _ = read_columns(source, [column], Spelling(), "input")
    return paths_of(table, column, source, "input")
