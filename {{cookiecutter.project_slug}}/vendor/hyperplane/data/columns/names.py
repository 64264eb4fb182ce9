"""Names of columns: those that settings give, and whether a table has them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from ...errors import UserError, with_nearest
from ..lazy_polars import pl
from .values import listed

Named = Iterable[tuple[str, str | None]]  # a setting, and the column that it names; None: it names none


def as_names(names: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the names in a setting that takes one, a list, or none."""
    return () if names is None else (names,) if isinstance(names, str) else tuple(names)


def require_columns(named: Named, columns: Sequence[str], path: Path) -> None:
    """Refuse a file that lacks a column which a setting of the data names."""
    for key, name in named:
        if name is not None and name not in columns:
            said = with_nearest(f"data.{key}={name} is not a column of {path}.", name, columns)
            is_title = sum(map(bool, columns)) < 2
            alone = "\nThe first line of a CSV file must name its columns: delete any above it." if is_title else ""
            raise UserError(f"{said}\nIt has: {listed(columns)}{alone}")


def require_in_rows(names: Iterable[str], table: "pl.DataFrame", rows: str) -> None:
    """Refuse rows that lack a column; `rows` is what they are called: `the test rows`."""
    there = dict.fromkeys(table.columns)
    for name in names:
        if name not in there:
            says = with_nearest(f"{rows} have no column {name!r}.", name, there)
            raise UserError(f"{says} They have: {listed([*there])}")
