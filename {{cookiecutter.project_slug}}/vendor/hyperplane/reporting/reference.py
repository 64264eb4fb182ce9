"""Published figures that are shown beside ours, read from a CSV file."""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import UserError
from .spelling import Value, value_of

METRIC = "test/accuracy"  # what the figures of a reference file are compared with


@dataclass(frozen=True)
class Reference:
    """`entries` maps the values of the `keys` columns to a line of the file, cells as text."""

    path: Path
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    entries: dict[tuple[Value, ...], dict[str, str]]
    sources: tuple[str, ...]

    def entry(self, settings: dict[str, str]) -> dict[str, str]:
        """The line for these settings; empty where the file has none."""
        return self.entries.get(self._key(settings), {})

    def position(self, settings: dict[str, str]) -> int:
        """Which line of the file, counted from 0; after the last where the file has none."""
        lines, key = list(self.entries), self._key(settings)
        return lines.index(key) if key in self.entries else len(lines)

    def _key(self, settings: dict[str, str]) -> tuple[Value, ...]:
        return tuple(value_of(settings.get(key, "")) for key in self.keys)


NO_REFERENCE = Reference(Path(), (), (), {}, ())


def read_reference(path: Path, settings: Iterable[str]) -> Reference:
    """Columns named like one of `settings` say which runs a line is for; numeric ones are figures.

    A column `note` becomes footnotes and `source` is cited; other text columns are ignored.
    Raises OSError, or UserError where it is no such file.
    """
    known = sorted(settings)
    with path.open(encoding="utf-8-sig", newline="") as file:
        try:
            table = csv.DictReader(file)
            header = [name.strip() for name in table.fieldnames or []]
            lines = [
                {name: (cell or "").strip() for name, cell in zip(header, line.values(), strict=False)}
                for line in table
            ]
        except (csv.Error, UnicodeDecodeError) as error:
            raise UserError(f"{path} is not a CSV file in UTF-8: {error}") from error

    keys = tuple(name for name in header if name in known)
    if not keys:
        raise UserError(
            f"{path} has no column that says which runs its lines are for.\n"
            f"Its columns: {', '.join(header) or 'none'}\n"
            f"The settings of the runs: {', '.join(known)}"
        )
    columns = tuple(name for name in header if name not in keys and is_numeric(lines, name))
    if not columns:
        raise UserError(f"{path} has no column of numbers beside {', '.join(keys)}")

    entries: dict[tuple[Value, ...], dict[str, str]] = {}
    for line in lines:
        values = tuple(value_of(line.get(key, "")) for key in keys)
        if values in entries:
            where = " ".join(f"{key}={line.get(key, '')}" for key in keys)
            raise UserError(f"{path} has more than one line for {where}")
        entries[values] = line
    sources = dict.fromkeys(line["source"] for line in lines if line.get("source"))
    return Reference(path, keys, columns, entries, tuple(sources))


def is_numeric(lines: list[dict[str, str]], column: str) -> bool:
    """Whether every cell that is filled holds a number, and at least one is filled."""
    cells = [line[column] for line in lines if line.get(column)]
    try:
        return bool([float(cell) for cell in cells])
    except ValueError:
        return False
