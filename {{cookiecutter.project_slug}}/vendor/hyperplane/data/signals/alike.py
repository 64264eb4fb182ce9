"""Files of signals that are read alike: with the same channels, and the targets and groups of their signals."""

from collections.abc import Sequence
from pathlib import Path

from ...errors import UserError, with_nearest
from ..columns.values import is_text, listed
from ..files.readings import Reading
from ..lazy_polars import pl
from ..parts import DividedArrays
from .arrays import Roles, SignalArrays
from .files import read_signals


class SignalFiles(DividedArrays):
    """The file of the training and, if there is one, that of the test."""

    paths: Sequence[Path]
    roles: Roles
    targets: tuple[str, ...]
    channels: tuple[str, ...]
    readings: dict[str, Reading]

    def read_files(self) -> list[SignalArrays]:
        first = read_signals(self.paths[0], self.roles, "data.path")
        self.channels, self.readings = first.channels, first.readings
        return [first, *(self.read_like(path, "data.test_path") for path in self.paths[1:])]

    def read_like(self, path: Path, key: str) -> SignalArrays:
        """Return the signals of a file with the channels of the training.

        Raises:
            UserError: it cannot be read, or has others.
        """
        file = read_signals(path, self.roles._replace(channels=self.named_channels), key, self.readings)
        if len(file.channels) != len(self.channels):
            raise UserError(
                f"{key}={path} has signals of {len(file.channels)} channels, those of the training have "
                f"{len(self.channels)}: {listed(self.channels)}"
            )
        return file

    @property
    def named_channels(self) -> tuple[str, ...]:
        """The columns that are channels, of a table."""
        return self.channels if self.roles.series is not None else ()

    def columns_of(self, file: SignalArrays, path: Path) -> "pl.DataFrame":
        """Return the targets and the groups of the signals in a file.

        Raises:
            UserError: one is not there.
        """
        if not self.targets:
            raise UserError(f"data.target= names the column of {path} to predict")
        there = file.columns.columns
        names = [*self.names_of(file.columns), *([] if self.group is None else [self.group])]
        for name in names:
            if name not in there:
                key = "group" if name == self.group else "target"
                says = with_nearest(f"data.{key}={name} is not in {path}.", name, there)
                raise UserError(f"{says} Besides the signals it has: {listed(there) or 'nothing'}")
        return file.columns.select(names)

    def names_of(self, columns: "pl.DataFrame") -> list[str]:
        """Return the names of the targets; an array of several columns has as many, which are numbered."""
        found = []
        for name in self.targets:
            numbered = [f"{name}{number}" for number in range(1, columns.width + 1) if f"{name}{number}" in columns]
            found += [name] if name in columns or not numbered else numbered
        return found


def joined(tables: Sequence["pl.DataFrame"]) -> "pl.DataFrame":
    """Return the rows of several tables with the same columns.

    Raises:
        UserError: a column holds texts in one and numbers in another.
    """
    for column in tables[0]:
        if len({is_text(table[column.name]) for table in tables}) > 1:
            kinds = " and ".join(str(table[column.name].dtype) for table in tables)
            raise UserError(f"{column.name} is {kinds} in data.path and data.test_path: write it the same way in both")
    return pl.concat(tables, how="vertical_relaxed")
