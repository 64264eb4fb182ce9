"""Tables in files: CSV and Parquet."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..mistakes import UserMistake, nearest

if TYPE_CHECKING:
    from polars import DataFrame, LazyFrame

ENDINGS = (".csv", ".csv.gz", ".parquet")
HEAD = 100_000  # rows of a CSV that its types follow from, if it is not in memory as a whole
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "None"]  # what stands for a missing value in a CSV file


def read_table(path: Path, key: str = "data.path") -> "DataFrame":
    """Return the rows of a file; types of a CSV's columns follow from all of its values, dates are recognised.

    Args:
        path: of a file in UTF-8 with commas and a line of column names (.csv, .csv.gz), or of a .parquet file.
        key: the setting that named it, for messages.

    Raises:
        UserMistake: there is no such file, it has another ending, no rows, or lines that do not fit together.
    """
    path = existing(path, key)  # polars would take it for a pattern: glob=False wherever it opens one
    import polars  # here, since it takes half a second

    with readable(path, key):
        if is_parquet(path):
            table = polars.read_parquet(path, glob=False)
        else:
            table = polars.read_csv(
                path, infer_schema_length=None, null_values=MISSING, try_parse_dates=True, glob=False
            )
    check_columns(table.columns, path, key)
    if table.is_empty():
        raise UserMistake(f"{key}={path} has column names, but no rows")
    return table.rename({name: name.strip() for name in table.columns})


def scan_table(path: Path, scratch: Path, key: str = "data.path") -> "LazyFrame":
    """Return the rows of a file that need not fit in memory; `in_chunks` reads them.

    Args:
        path: see `read_table`. Types of a CSV's columns follow from its first rows: whole numbers are numbers,
            and a column without values there for one of numbers.
        scratch: where a CSV is brought into a form that can be read again and again.
        key: the setting that named it, for messages.

    Raises:
        UserMistake: see `read_table`; or a later value is not of the type of the first.
    """
    path = existing(path, key)
    import polars

    with readable(path, key):
        if is_parquet(path):
            table = polars.scan_parquet(path, glob=False)
        else:
            first = polars.read_csv(
                path, n_rows=HEAD, infer_schema_length=HEAD, null_values=MISSING, try_parse_dates=True, glob=False
            )
            check_columns(first.columns, path, key)
            types = {
                column.name: polars.Float64
                if column.dtype.is_integer() or column.null_count() == len(column)
                else column.dtype
                for column in first
            }
            polars.scan_csv(path, schema=types, null_values=MISSING, glob=False).sink_parquet(scratch)
            table = polars.scan_parquet(scratch, glob=False)
        names = table.collect_schema().names()
    return table.rename({name: name.strip() for name in names})


def in_chunks(table: "LazyFrame", rows: int, path: Path, key: str = "data.path") -> Iterator["DataFrame"]:
    """Yield the rows of a file, `rows` at a time, the last time what remains; few chunks are in memory at once.

    Raises:
        UserMistake: the file cannot be read.
    """
    import polars

    with readable(path, key):
        waiting = polars.DataFrame(schema=table.collect_schema())
        for chunk in table.collect_batches(chunk_size=rows, maintain_order=True, lazy=True):
            waiting = polars.concat([waiting, chunk])
            while waiting.height >= rows:
                yield waiting[:rows]
                waiting = waiting[rows:]
        if waiting.height:
            yield waiting


def existing(path: Path, key: str) -> Path:
    """Return the path of a file that is there and has one of our endings.

    Raises:
        UserMistake: it is not there, or has another.
    """
    path = expanded(path)
    if path.is_dir():
        there = sorted(other.name for other in path.iterdir() if other.name.endswith(ENDINGS))
        holds = f"it holds {', '.join(there[:10])}" if there else "it holds no such file"
        raise UserMistake(f"{key}={path} is a folder; name a file in it that ends in {', '.join(ENDINGS)}: {holds}")
    if not path.is_file():
        there = sorted(other.name for other in path.parent.glob("*") if other.name.endswith(ENDINGS))
        hint = nearest(path.name, there) or (f"That folder has: {', '.join(there[:10])}" if there else "")
        raise UserMistake(f"{key}={path} does not exist (looked in {path.parent.absolute()}). {hint}".strip())
    if not path.name.lower().endswith(ENDINGS):
        raise UserMistake(f"{key}={path}: the ending can be {', '.join(ENDINGS)}. {nearest(path.suffix, ENDINGS)}")
    return path


def expanded(path: Path) -> Path:
    """Return a path with the home folder for `~`; `~name` may as well be a file, if nobody is called so."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def is_parquet(path: Path) -> bool:
    """Say whether the name is that of a Parquet file."""
    return path.name.lower().endswith(".parquet")


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with expanded(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_columns(names: list[str], path: Path, key: str) -> None:
    """Look at the column names of a file.

    Raises:
        UserMistake: there is one only, which seems to hold several.
    """
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        raise UserMistake(f"{key}={path} has a single column, {names[0]!r}: its separator must be a comma")


@contextmanager
def readable(path: Path, key: str) -> Iterator[None]:
    """Say what is wrong with a file that is read inside.

    Raises:
        UserMistake: it cannot be read.
    """
    from polars.exceptions import NoDataError, PolarsError

    try:
        yield
    except NoDataError:
        raise UserMistake(f"{key}={path} is empty: it needs a line of column names, and rows below it") from None
    except (PolarsError, OSError, UnicodeError) as error:
        reason = str(error).partition("\n")[0]
        raise UserMistake(
            f"{key}={path} cannot be read: {reason}\n"
            "A CSV file must be UTF-8, separated by commas, with as many fields in each line as there are column names."
        ) from None


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
