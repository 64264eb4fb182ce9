"""Which images a data set has, with the target of each: a folder with one folder a class, or a table of paths."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..columns.names import require_columns
from ..columns.roles import groups_of
from ..columns.target import Targets, TaskName, encode_targets, has_value
from ..columns.values import listed
from ..files.survey import UNTOLD
from ..files.table_files import column_names, read_columns
from ..parts import stated
from .paths import paths_of


@dataclass(frozen=True)
class Listing:
    """Images with what is known of each; `targets_of` says what is to be predicted."""

    files: list[Path]
    names: list[str]  # as they are called in messages, and in predictions
    labels: Any  # the folder of each (N,), or the columns of targets: a polars DataFrame
    parts: NDArray[np.str_] | None = None  # train, val or test (N,), where that is stated
    groups: NDArray[np.int64] | None = None  # (N,), where that is stated

    def only(self, rows: NDArray[np.int64]) -> "Listing":
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
            raise UserError(f"All {len(numbers)} images are in one folder, {names[0]}: at least two classes are needed")
        counts = np.bincount(numbers)
        logger.info("Classes: {}", listed([f"{name} ({count})" for name, count in zip(names, counts, strict=True)]))
        return Targets("classification", numbers.astype(np.int64), tuple(names.tolist()))


def of_table(
    path: Path, image: str | None, targets: Sequence[str], group: str | None, split_column: str | None
) -> Listing:
    """Return the images that the rows of a file name, with their targets.

    Paths in the column `image` are relative to the file; rows without a target are left out.

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
    table, _ = read_columns(path, [name for _, name in roles if name is not None], UNTOLD)
    table = table.filter(has_value(table, targets))
    files, names = paths_of(table, image or "", path, "data.image")
    return Listing(
        files,
        names,
        table[list(targets)],
        None if split_column is None else stated(table[split_column]),
        None if group is None else groups_of(table[group]),
    )
