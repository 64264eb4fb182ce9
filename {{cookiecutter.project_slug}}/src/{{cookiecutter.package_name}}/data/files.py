"""Tables in files: CSV and Parquet."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..mistakes import UserMistake, nearest

if TYPE_CHECKING:
    from polars import DataFrame

ENDINGS = (".csv", ".csv.gz", ".parquet")
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "None"]  # what stands for a missing value in a CSV file


def read_table(path: Path, key: str = "data.path") -> "DataFrame":
    """Return the rows of a file; types of a CSV's columns follow from all of its values, dates are recognised.

    Args:
        path: of a file in UTF-8 with commas and a line of column names (.csv, .csv.gz), or of a .parquet file.
        key: the setting that named it, for messages.

    Raises:
        UserMistake: there is no such file, it has another ending, no rows, or lines that do not fit together.
    """
    path = path.expanduser()
    if not path.is_file():
        there = sorted(other.name for other in path.parent.glob("*") if other.name.endswith(ENDINGS))
        hint = nearest(path.name, there) or (f"That folder has: {', '.join(there[:10])}" if there else "")
        raise UserMistake(f"{key}={path} does not exist (looked in {path.parent.absolute()}). {hint}".strip())
    if not path.name.lower().endswith(ENDINGS):
        raise UserMistake(f"{key}={path}: the ending can be {', '.join(ENDINGS)}. {nearest(path.suffix, ENDINGS)}")
    import polars  # here, since it takes half a second
    from polars.exceptions import NoDataError, PolarsError

    try:
        if path.name.lower().endswith(".parquet"):
            table = polars.read_parquet(path)
        else:
            table = polars.read_csv(path, infer_schema_length=None, null_values=MISSING, try_parse_dates=True)
    except NoDataError:
        raise UserMistake(f"{key}={path} is empty: it needs a line of column names, and rows below it") from None
    except (PolarsError, OSError, UnicodeError) as error:
        reason = str(error).partition("\n")[0]
        raise UserMistake(
            f"{key}={path} cannot be read: {reason}\n"
            "A CSV file must be UTF-8, separated by commas, with as many fields in each line as there are column names."
        ) from None
    table = table.rename({name: name.strip() for name in table.columns})
    if table.width == 1 and any(mark in table.columns[0] for mark in ";\t|"):
        raise UserMistake(f"{key}={path} has a single column, {table.columns[0]!r}: its separator must be a comma")
    if table.is_empty():
        raise UserMistake(f"{key}={path} has column names, but no rows")
    return table


def write_table(table: "DataFrame", path: Path) -> None:
    """Write a .csv or .parquet file: beside and renamed, so that nothing half-written is ever under its name.

    Raises:
        UserMistake: the file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() == ".parquet":
            table.write_parquet(partial)
        else:
            table.write_csv(partial)
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise UserMistake(f"output={path} cannot be written: {error.strerror or error}") from None
