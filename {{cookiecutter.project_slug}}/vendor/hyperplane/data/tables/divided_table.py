"""A table whose columns have roles: to predict, to predict from, and what says how rows count and where they belong."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import UserError
from ..columns.names import require_columns
from ..columns.roles import groups_of
from ..columns.stated import Stated
from ..columns.target import Targets, TaskName, encode_targets
from ..columns.values import listed
from ..lazy_polars import pl
from ..parts import DividedArrays, Parts, numbers_of, refuse_torn, stated


class DividedTable(DividedArrays):
    """Rows in parts, as a column states them, or drawn with the seed."""

    path: Path  # for messages
    task: TaskName | Literal["auto"]
    targets: tuple[str, ...]
    ignore: tuple[str, ...]
    stated: Stated
    weights: str | None
    split_column: str | None

    @property
    def target(self) -> str:
        """The names of the columns to predict, for messages."""
        return listed(self.targets, 5)

    @property
    def other_roles(self) -> dict[str, str]:
        """The columns with a role of their own, by the setting that names them."""
        roles = {"weights": self.weights, "group": self.group, "split_column": self.split_column}
        return {key: name for key, name in roles.items() if name is not None}

    def with_roles(self, features: Sequence[str]) -> list[str]:
        """Return the names of all columns that are read: features, targets, and those with another role."""
        return [*features, *self.targets, *self.other_roles.values()]

    def features_of(self, columns: Sequence[str]) -> list[str]:
        """Return the names of the columns to predict from.

        Raises:
            UserError: a column that a setting names is not there, or no other is.
        """
        others = self.other_roles
        stated = [(kind, name) for name, kind in self.stated.kinds.items()]
        ignored = [("ignore", name) for name in self.ignore]
        named = [*(("target", name) for name in self.targets), *others.items(), *ignored, *stated]
        require_columns(named, columns, self.path)
        features = [name for name in columns if name not in {*self.targets, *others.values(), *self.ignore}]
        if not features:
            raise UserError(
                f"{self.path} has no column left to predict {self.target} from: each has another role, or is in "
                f"data.ignore. It has: {listed(columns)}"
            )
        return features

    def targets_of(self, table: "pl.DataFrame") -> Targets:
        return encode_targets(table[list(self.targets)], self.task)

    def parts_of(self, table: "pl.DataFrame", kinds: NDArray[np.int64]) -> Parts:
        """Return the numbers of the rows of each part.

        Raises:
            UserError: a part that is needed has no rows, or the split column says something else.
        """
        groups = None if self.group is None else groups_of(table[self.group])
        split = f"data.split_column={self.split_column}"
        if self.split_column is not None:
            parts = numbers_of(stated(table[self.split_column]))
            if self.group is not None and groups is not None:
                names = table[self.group]
                refuse_torn(parts, groups, split, f"data.group={self.group}", lambda row: f"{names.name}={names[row]}")
        else:
            parts = numbers_of(np.where(self.tested(kinds, groups), "test", "train"))
        decides = f"data.test_fraction={self.test_fraction}" if self.split_column is None else split
        return self.needed(parts, str(self.path), groups, decides)
