"""What a CSV file looks like: the separator of its columns, and their names."""

import csv
import gzip
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from loguru import logger

from ...errors import UserError
from ..lazy_polars import pl

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
BEGINNING = 2**20  # characters that the separator follows from
RECORDS = 20


class Layout(NamedTuple):
    """How the lines of a file become fields."""

    separator: str
    names: list[str]  # of all columns; without blanks around them, and empty where a column has none
    has_blanked_quotes: bool  # a quotation mark follows a blank, so that it is a part of the field
    nameless: int  # columns with values in the first lines, but no name, besides the first such column

    @property
    def used(self) -> list[str]:
        """The names without those of all columns but the first that have none: nothing could call them apart."""
        return list(dict.fromkeys(self.names))


def layout_of(path: Path, key: str) -> Layout:
    """Look at the first lines of a CSV file.

    Raises:
        UserError: there is no line of column names, or a name stands twice in it.
    """
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
            beginning = file.read(BEGINNING)
    except UnicodeDecodeError:
        with opened(path, "rb") as file:
            file.read(4 * BEGINNING).decode("utf-8")  # raises with the byte's place in the file, not in a buffer
        raise
    if "\0" in beginning.partition("\n")[0]:  # UTF-16 without a mark; in ASCII that is valid UTF-8
        raw = beginning[:1000].encode()
        raise UnicodeDecodeError("utf-8", raw, raw.index(0), raw.index(0) + 1, "a zero byte")
    if "\r" in beginning and "\n" not in beginning:
        raise UserError(f"{key}={path}: its lines end in a carriage return alone: convert them to line feeds")
    separator = separator_of(beginning)
    records = fields(beginning, separator)
    if not records:
        raise UserError(f"{key}={path} is empty: it needs a line of column names, and rows below it")
    names = [name.strip() for name in records[0]]
    if names[0].startswith("sep="):
        raise UserError(f"{key}={path} begins with the line {names[0]}{separator}, which only Excel reads: delete it")
    check_names(names, path, key)
    nameless = [place for place, name in enumerate(names) if not name][1:]
    held = [place for place in nameless if any(record[place:] and record[place].strip() for record in records[1:])]
    return Layout(separator, names, re.search(rf'{re.escape(separator)} +"', beginning) is not None, len(held))


def too_long(path: Path, key: str) -> str:
    """Say which line of a CSV file has more fields than there are names; nothing if none has."""
    layout = layout_of(path, key)
    opened = gzip.open if path.name.lower().endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, delimiter=layout.separator)
        for record in reader:
            if len(record) > len(layout.names):
                return f"line {reader.line_num} has {len(record)} fields, and the line of names has {len(layout.names)}"
    return ""


def about_rows(path: Path) -> int | None:
    """Return about how many rows a file has, as its first lines are long; None: it is compressed.

    A Parquet file says it.
    """
    if path.name.lower().endswith(".parquet"):
        return int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
    if path.name.lower().endswith(".gz"):
        return None
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    return path.stat().st_size * beginning.count(b"\n") // max(1, len(beginning))


def scan_fields(
    path: Path, layout: Layout, kinds: "Mapping[str, type[pl.DataType]] | None" = None, missing: Sequence[str] = ()
) -> "pl.LazyFrame":
    """Return the fields of a CSV file, null where there is none; all columns but the first without a name are renamed.

    A field that is not of the type that `kinds` has for its column is null, and so is one of `missing` in any column.
    """
    names = [f" {i}" if name in layout.names[:i] else name for i, name in enumerate(layout.names)]
    options: dict[str, Any] = {"separator": layout.separator, "infer_schema": False, "glob": False}
    if kinds:
        raw = pl.scan_csv(path, **options).collect_schema().names()
        own = {before: kinds[name] for before, name in zip(raw, names, strict=True) if name in kinds}
        options |= {"schema_overrides": own, "ignore_errors": True}
    return pl.scan_csv(path, null_values=[*missing] or None, new_columns=names, **options)


def scan_texts(path: Path, layout: Layout) -> "pl.LazyFrame":
    """Return the fields of a CSV file as texts without blanks around them, null where there is none."""
    return scan_fields(path, layout).select(texts_of(one, layout) for one in exactly(layout.used))


def texts_of(fields: "pl.Expr", layout: Layout) -> "pl.Expr":
    """Return the fields of a column without blanks around them, null where nothing is left."""
    texts = fields.str.strip_chars()
    if layout.has_blanked_quotes:
        texts = texts.str.replace('^"(.*)"$', "$1").str.strip_chars()
    return pl.when(texts != "").then(texts)


def exactly(names: Iterable[str]) -> "list[pl.Expr]":
    """Return the columns of these names: elsewhere polars takes `*` for all of them."""
    return [pl.selectors.by_name(name).as_expr() for name in names]


def is_blank() -> "pl.Expr":
    """Say which rows of texts have none."""
    return pl.all_horizontal(pl.all().is_null())


def without_blank(texts: "pl.DataFrame", path: Path) -> "pl.DataFrame":
    """Leave out the rows that hold nothing, and say how many there were."""
    rows = texts.filter(~is_blank())
    say_blank(texts.height - rows.height, path)
    return rows


def say_blank(rows: int, path: Path) -> None:
    """Say that lines without a value, if there are some, are left out."""
    if rows:
        logger.warning("{}: {} blank {} left out", path, rows, "line is" if rows == 1 else "lines are")


def separator_of(beginning: str) -> str:
    """Return what separates the columns: it stands in the line of names, and as often in those below, if it can be."""
    found = []
    for separator in SEPARATORS:
        lengths = [len(record) for record in fields(beginning, separator)]
        if lengths and lengths[0] > 1:
            found.append((all(length == lengths[0] for length in lengths[1:]), lengths[0], separator))
    return max(found, key=lambda one: one[:2])[2] if found else ","


def fields(beginning: str, separator: str) -> list[list[str]]:
    """Return the fields of the first lines that are not blank, fewer where a field is too long."""
    records: list[list[str]] = []
    try:
        for record in csv.reader(io.StringIO(beginning), delimiter=separator, skipinitialspace=True):
            if any(field.strip() for field in record):
                records.append(record)
            if len(records) == RECORDS:
                break
    except csv.Error:
        pass
    return records[:-1] if len(beginning) == BEGINNING and 1 < len(records) < RECORDS else records


def check_names(names: Sequence[str], path: Path, key: str) -> None:
    """Refuse a file in which two columns have the same name, blanks around it aside, or one is a pattern to polars."""
    places: dict[str, list[int]] = {}
    for position, name in enumerate(names, 1):
        places.setdefault(name, []).append(position)
    for name, positions in places.items():
        if name.startswith("^") and name.endswith("$"):
            raise UserError(f"{key}={path} has a column {name!r}, a name that would be read as a pattern: rename it")
        if name and len(positions) > 1:
            where = " and ".join(map(str, positions)) if len(positions) < 5 else f"{positions[0]}, {positions[1]}, …"
            raise UserError(f"{key}={path} has two columns named {name!r}, at positions {where}: rename one")
