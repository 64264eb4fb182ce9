"""Tables in files: CSV and Parquet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from loguru import logger

from ...errors import UserError
from ...whole_file import whole_file
from ..lazy_polars import pl
from .access import existing, is_parquet, readable
from .csv_table import CsvTable
from .decisions import decide, refuse_two_centuries
from .layout import about_rows, check_names, exactly, layout_of, scan_texts, without_blank
from .progress import with_progress
from .readings import TEXT, Reading, reading_of
from .survey import UNTOLD, Spelling, misfits, read, survey

CHUNK = 2**17  # rows of a CSV that are looked at at once
LARGE = 50 * 2**20  # bytes: reading a larger file takes seconds, so it is said


def read_table(path: Path, key: str = "data.path") -> "pl.DataFrame":
    """Return the rows of a file; types of a CSV's columns follow from all of its values, dates are recognised.

    It is in UTF-8 with a line of column names (.csv, .csv.gz, .tsv; separated by commas, semicolons, tabs or vertical
    bars), or a .parquet file.

    Raises:
        UserError: there is no such file, it has another ending, no rows, or lines that do not fit together.
    """
    return read_columns(path, None, UNTOLD, key)[0]


def read_columns(
    path: Path, columns: Sequence[str] | None, spelling: Spelling, key: str = "data.path"
) -> tuple["pl.DataFrame", dict[str, Reading]]:
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


def read_as(path: Path, readings: Mapping[str, Reading], key: str) -> "pl.DataFrame":
    """Return the columns of a file, those that have a reading read in this way; a Parquet file has types of its own.

    Raises:
        UserError: see `read_table`; or a value does not fit: it is named with its column and row.
    """
    path = existing(path, key)
    if is_parquet(path):
        table = read_table(path, key)
        for name in readings.keys() & {*table.columns}:
            if readings[name].unit == "%" and table[name].dtype.is_numeric():  # a workbook has 0.05 where it shows 5%
                logger.warning("{}={}: {} holds numbers; in training 5% was 5, not 0.05", key, path, name)
        return table
    with readable(path, key):
        texts = without_blank(scan_texts(path, layout_of(path, key)).collect(), path)
    if texts.is_empty():
        raise UserError(f"{key}={path} has column names, but no rows")
    columns = []
    for name in texts.columns:
        reading = readings.get(name, TEXT)
        if reading.is_moment and not reading.pattern:  # it was that of a Parquet file, which has none
            reading = decide(survey([texts], [name]), Spelling(), f"{key}={path}")[name]
        elif reading.pattern.startswith("%Y"):  # one thing, however it goes on: midnight may stand there, or not
            found = survey([texts], [name], reading.missing)[name].certain()
            same_clock = [one for one in found if ("z" in one.pattern) == ("z" in reading.pattern)]
            alike = [one for one in same_clock if one.pattern.startswith("%Y")]
            reading = replace(reading, pattern=alike[0].pattern, kind=alike[0].kind) if alike else reading
        values = read(reading, texts[name])
        strange = misfits(reading, texts[name], values)
        if len(strange):
            written = f" ({reading.pattern})" if reading.is_moment else ""  # several have the same order
            raise UserError(
                f"{key}={path}: column {name!r} holds {reading}{written}, as in training, but row {strange[0] + 1} has "
                f"{texts[name][int(strange[0])]!r}"
            )
        if reading.kind == "number" and reading.pattern == ",":
            warn_of_points(texts[name], values, f"{key}={path}")
        columns.append(values.alias(name))
    table = pl.DataFrame(columns)
    refuse_two_centuries(table.lazy(), {name: readings.get(name, TEXT) for name in table.columns}, f"{key}={path}")
    return table


def warn_of_points(texts: "pl.Series", values: "pl.Series", where: str) -> None:
    """Say how 1.500 is read with a decimal comma, where no text of the column shows that its file has one."""
    pointed = texts.str.contains(r"^\D*\d{1,3}\.\d{3}\D*$")
    if pointed.any() and not texts.str.contains(",", literal=True).any():
        text, value = texts.filter(pointed)[0], values.filter(pointed)[0]
        logger.warning(
            "{}: {} {!r} is read as {:g}: numbers had a decimal comma in training", where, texts.name, text, value
        )


def column_names(path: Path, key: str = "data.path") -> list[str]:
    """Return the names of a file's columns, without blanks around them."""
    path = existing(path, key)
    with readable(path, key):
        return [*parquet_names(path, key)] if is_parquet(path) else layout_of(path, key).used


def parquet_names(path: Path, key: str) -> dict[str, str]:
    """Return the names of the columns as the file has them, by those without blanks."""
    raw = pl.scan_parquet(path, glob=False).collect_schema().names()
    check_names([name.strip() for name in raw], path, key)
    return {name.strip(): name for name in raw}


def scan_table(
    path: Path, columns: Sequence[str] | None, spelling: Spelling, key: str = "data.path", scratch: Path | None = None
) -> tuple["pl.LazyFrame", dict[str, Reading]]:
    """Return some columns of a file in a form that can be read again and again, and how they are read.

    `columns` None: all. The rows of a large CSV file go to the folder `scratch`, without one into memory.
    """
    path = existing(path, key)
    if path.stat().st_size > LARGE:
        logger.info("Reading {} ({:.0f} MB)", path, path.stat().st_size / 1e6)
    with readable(path, key):
        if not is_parquet(path):
            table = CsvTable(path, columns, spelling, key)
            rows = table.read(lambda rows: kept(rows, path, scratch), lambda rows: surveyed(rows, path, key))
            refuse_two_centuries(rows, table.readings, f"{key}={path}")
            return rows, table.readings
        names = parquet_names(path, key)
        used = [name for name in names if columns is None or name in columns]
        raw = exactly(names[name] for name in used)
        rows = pl.scan_parquet(path, glob=False).select(
            column.alias(name) for name, column in zip(used, raw, strict=True)
        )
        readings = {name: reading_of(kind) for name, kind in rows.collect_schema().items()}
        return rows if scratch is not None else kept(rows, path, None), readings


def kept(rows: "pl.LazyFrame", path: Path, scratch: Path | None) -> "pl.LazyFrame":
    """Evaluate rows of a file once; they are kept in memory, or, if it is large, in the folder `scratch`."""
    if path.stat().st_size <= LARGE and not path.name.lower().endswith(".gz"):  # batches cost a fifth more
        return rows.collect().lazy()
    batches = rows.collect_batches(chunk_size=CHUNK, maintain_order=True, lazy=True)
    shown = with_progress(batches, f"Reading {path.name}", about_rows(path))
    if scratch is None:
        found = [*shown]
        return (pl.concat(found) if found else pl.DataFrame(schema=rows.collect_schema())).lazy()
    scratch.mkdir(exist_ok=True)
    files = []
    for number, batch in enumerate(shown):
        files.append(scratch / f"{number}.parquet")
        batch.write_parquet(files[-1], compression="uncompressed", statistics=False)  # read thrice, then deleted
    return pl.scan_parquet(files, glob=False) if files else pl.LazyFrame(schema=rows.collect_schema())


def surveyed(rows: "pl.LazyFrame", path: Path, key: str) -> Iterator["pl.DataFrame"]:
    """Yield the rows of a file in pieces, and show how far it is."""
    return with_progress(in_chunks(rows, CHUNK, path, key), f"Looking at {path.name}", about_rows(path))


def in_chunks(table: "pl.LazyFrame", rows: int, path: Path, key: str = "data.path") -> Iterator["pl.DataFrame"]:
    """Yield the rows of a file, `rows` at a time, the last time what remains; few chunks are in memory at once."""
    with readable(path, key):
        waiting = pl.DataFrame(schema=table.collect_schema())
        for chunk in table.collect_batches(chunk_size=rows, maintain_order=True, lazy=True):
            waiting = pl.concat([waiting, chunk])
            while waiting.height >= rows:
                yield waiting[:rows]
                waiting = waiting[rows:]
        if waiting.height:
            yield waiting


def write_table(table: "pl.DataFrame", path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            if path.suffix.lower() == ".parquet":
                table.write_parquet(partial)
            else:
                table.write_csv(partial)
    except OSError as error:
        raise UserError(f"output={path} cannot be written: {error.strerror or error}") from None
