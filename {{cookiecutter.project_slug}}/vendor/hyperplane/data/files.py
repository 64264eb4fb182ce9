"""Tables in files: CSV and Parquet."""

import hashlib
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from ..errors import UserError, nearest
from ..whole_file import whole_file
from .layout import (
    check_names,
    exactly,
    is_blank,
    layout_of,
    say_blank,
    scan_texts,
    without_blank,
)
from .readings import TEXT, Reading, reading_of
from .survey import Spelling, decide, misfits, read, survey

if TYPE_CHECKING:
    from polars import DataFrame, LazyFrame

ENDINGS = (".csv", ".csv.gz", ".parquet")
CHUNK = 2**17  # rows of a CSV that are looked at at once
LARGE = 50 * 2**20  # bytes: reading a larger file takes seconds, so it is said


def read_table(path: Path, key: str = "data.path") -> "DataFrame":
    """Return the rows of a file; types of a CSV's columns follow from all of its values, dates are recognised.

    Args:
        path: of a file in UTF-8 with a line of column names (.csv, .csv.gz), or of a .parquet file. Columns are
            separated by commas, semicolons, tabs or vertical bars.
        key: the setting that named it, for messages.

    Raises:
        UserError: there is no such file, it has another ending, no rows, or lines that do not fit together.
    """
    return read_columns(path, None, Spelling(), key)[0]


def read_columns(
    path: Path, columns: Sequence[str] | None, spelling: Spelling, key: str = "data.path"
) -> tuple["DataFrame", dict[str, Reading]]:
    """Return some columns of a file, and how they were read; None: all of them.

    Raises:
        UserError: see `read_table`; or nothing tells the day from the month in a column of dates.
    """
    table, readings = scan_table(path, columns, spelling, key)
    with readable(path, key):
        rows = table.collect()
    if rows.is_empty():
        raise UserError(f"{key}={path} has column names, but no rows")
    return rows, readings


def read_as(path: Path, readings: Mapping[str, Reading], key: str) -> "DataFrame":
    """Return the columns of a file, those that have a reading read in this way; a Parquet file has types of its own.

    Raises:
        UserError: see `read_table`; or a value does not fit: it is named with its column and row.
    """
    import polars

    path = existing(path, key)
    if is_parquet(path):
        return read_table(path, key)
    with readable(path, key):
        texts = without_blank(scan_texts(path, layout_of(path, key)).collect(), path)
    if texts.is_empty():
        raise UserError(f"{key}={path} has column names, but no rows")
    columns = []
    for name in texts.columns:
        reading = readings.get(name, TEXT)
        if reading.is_moment and not reading.pattern:  # it was that of a Parquet file, which has none
            reading = decide(survey([texts], [name])[0], Spelling(), f"{key}={path}")[name]
        values = read(reading, texts[name])
        strange = misfits(reading, texts[name], values)
        if len(strange):
            raise UserError(
                f"{key}={path}: column {name!r} holds {reading}, as in training, but row {strange[0] + 1} has "
                f"{texts[name][int(strange[0])]!r}"
            )
        columns.append(values.alias(name))
    return polars.DataFrame(columns)


def column_names(path: Path, key: str = "data.path") -> list[str]:
    """Return the names of a file's columns, without blanks around them.

    Raises:
        UserError: see `read_table`.
    """
    path = existing(path, key)
    with readable(path, key):
        return [*parquet_names(path, key)] if is_parquet(path) else layout_of(path, key).used


def parquet_names(path: Path, key: str) -> dict[str, str]:
    """Return the names of the columns as the file has them, by those without blanks.

    Raises:
        UserError: two are the same.
    """
    import polars

    raw = polars.scan_parquet(path, glob=False).collect_schema().names()
    check_names([name.strip() for name in raw], path, key)
    return {name.strip(): name for name in raw}


def scan_table(
    path: Path, columns: Sequence[str] | None, spelling: Spelling, key: str = "data.path"
) -> tuple["LazyFrame", dict[str, Reading]]:
    """Return some columns of a file, which need not fit in memory, and how they are read; None: all of them.

    A CSV is read twice, first for its types, which follow from all of its values; chunks of rows are in memory.

    Raises:
        UserError: see `read_columns`.
    """
    path = existing(path, key)
    import polars  # here, since it takes half a second

    if path.stat().st_size > LARGE:
        logger.info("Reading {} ({:.0f} MB)", path, path.stat().st_size / 1e6)
    with readable(path, key):
        if is_parquet(path):
            names = parquet_names(path, key)
            used = [name for name in names if columns is None or name in columns]
            raw = exactly(names[name] for name in used)
            table = polars.scan_parquet(path, glob=False).select(
                column.alias(name) for name, column in zip(used, raw, strict=True)
            )
            return table, {name: reading_of(kind) for name, kind in table.collect_schema().items()}
        layout = layout_of(path, key)
        texts = scan_texts(path, layout)
        used = [name for name in layout.used if columns is None or name in columns]
        surveyed = [name for name in used if name not in spelling.texts]
        found, blank_rows = survey(in_chunks(texts, CHUNK, path, key), surveyed, spelling.missing)
    readings = decide(found, spelling, f"{key}={path}") | {name: TEXT for name in used if name in spelling.texts}
    if blank_rows:
        say_blank(blank_rows, path)
        texts = texts.filter(~is_blank())
    values = [readings[name].values(column).alias(name) for name, column in zip(used, exactly(used), strict=True)]
    whole = [name for name in used if readings[name].is_plain and found[name].is_whole]
    return texts.select(values).cast(dict.fromkeys(whole, polars.Int64)), readings


def stored(table: "LazyFrame", scratch: Path, path: Path, key: str = "data.path") -> "LazyFrame":
    """Bring rows into a form that can be read again and again, in the file `scratch`.

    Raises:
        UserError: the file at `path`, where they come from, cannot be read.
    """
    import polars

    with readable(path, key):
        table.sink_parquet(scratch)
    return polars.scan_parquet(scratch, glob=False)


def in_chunks(table: "LazyFrame", rows: int, path: Path, key: str = "data.path") -> Iterator["DataFrame"]:
    """Yield the rows of a file, `rows` at a time, the last time what remains; few chunks are in memory at once.

    Raises:
        UserError: the file cannot be read.
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


def existing(path: Path, key: str, endings: tuple[str, ...] = ENDINGS) -> Path:
    """Return the path of a file that is there and has one of the endings.

    Raises:
        UserError: it is not there, or has another.
    """
    path = expanded(path)
    if path.is_dir():
        there = sorted(other.name for other in path.iterdir() if other.name.endswith(endings))
        holds = f"it holds {', '.join(there[:10])}" if there else "it holds no such file"
        raise UserError(f"{key}={path} is a folder; name a file in it that ends in {', '.join(endings)}: {holds}")
    if not path.is_file():
        there = sorted(other.name for other in path.parent.glob("*") if other.name.endswith(endings))
        hint = nearest(path.name, there) or (f"That folder has: {', '.join(there[:10])}" if there else "")
        raise UserError(f"{key}={path} does not exist (looked in {path.parent.absolute()}). {hint}".strip())
    if not path.name.lower().endswith(endings):
        raise UserError(f"{key}={path}: the ending can be {', '.join(endings)}. {nearest(path.suffix, endings)}")
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


@contextmanager
def readable(path: Path, key: str) -> Iterator[None]:
    """Say what is wrong with a file that is read inside.

    Raises:
        UserError: it cannot be read.
    """
    from polars.exceptions import NoDataError, PolarsError

    try:
        yield
    except NoDataError:
        raise UserError(f"{key}={path} is empty: it needs a line of column names, and rows below it") from None
    except (PolarsError, OSError, EOFError, zlib.error, UnicodeError) as error:
        reason = str(error).partition("\n")[0]
        if "properly escaped" in str(error):
            field = re.search("Field `(.*)` is not properly escaped", str(error), re.DOTALL)
            raise UserError(
                f"{key}={path} cannot be read: a quotation mark opens the field {field[1] if field else ''}, and none "
                'closes it at its end. A quotation mark within a field is written twice, in quotes: """Yes"" he said"'
            ) from None
        raise UserError(
            f"{key}={path} cannot be read: {reason}\n"
            "A CSV file must be UTF-8, with as many fields in each line as there are column names."
        ) from None


def write_table(table: "DataFrame", path: Path) -> None:
    """Write a .csv or .parquet file.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            if path.suffix.lower() == ".parquet":
                table.write_parquet(partial)
            else:
                table.write_csv(partial)
    except OSError as error:
        raise UserError(f"output={path} cannot be written: {error.strerror or error}") from None
