"""The file of a table, or several files whose rows are one table: which they are, and their rows as settings state."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ...errors import UserError
from ...paths import expanded
from ..columns.stated import AS_TEXT, Stated, Typed
from ..columns.values import listed
from ..files.access import ENDINGS, digest_of, is_parquet, readable
from ..files.decisions import decide, refuse_two_centuries
from ..files.layout import exactly, is_blank, layout_of, scan_texts
from ..files.readings import Reading
from ..files.survey import Spelling, read, survey
from ..files.table_files import column_names, read_columns
from ..lazy_polars import pl


def files_of(path: str | Sequence[str], pattern: str | None) -> list[Path]:
    """Return the files that settings name.

    `path` is one, or a list; with a pattern such as `part-*.csv` it is the folder that holds them.

    Raises:
        UserError: there is no such folder, or no file of the pattern in it.
    """
    if pattern is None:
        return [Path(path)] if isinstance(path, str) else [Path(one) for one in path]
    if not isinstance(path, str):
        raise UserError(f"data.pattern={pattern} matches files in one folder: data.path must name the folder")
    folder = expanded(Path(path))
    if not folder.is_dir():
        raise UserError(f"data.pattern={pattern} matches files in a folder: data.path={path} must be one")
    found = sorted(file for file in folder.glob(pattern) if file.is_file())
    if not found:
        there = sorted(file.name for file in folder.iterdir() if file.name.endswith(ENDINGS))
        raise UserError(
            f"data.pattern={pattern} matches no file in {path}. It holds: {listed(there, 10) or 'no table'}"
        )
    return found


def names_of(paths: Sequence[Path]) -> list[str]:
    """Return the names of the columns, which all files have.

    Raises:
        UserError: a file cannot be read, is of another kind, or has other columns than the first.
    """
    first, *others = paths
    names = column_names(first)
    for path in others:
        if is_parquet(path) != is_parquet(first):
            raise UserError(f"data.path: {first} and {path} must both be CSV files, or both Parquet files")
        there = column_names(path)
        lacking = [name for name in names if name not in there]
        besides = [name for name in there if name not in names]
        if lacking or besides:
            differences = [
                f"{says} {listed([repr(name) for name in some], 5)}"
                for says, some in (("lacks", lacking), ("has besides", besides))
                if some
            ]
            raise UserError(f"data.path: {path} {' and '.join(differences)}, unlike {first}: all need the same columns")
    return names


def digest_of_all(paths: Sequence[Path]) -> str:
    """Return the SHA-256 of the content of a file, or of those of several."""
    digests = [digest_of(path) for path in paths]
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def read_rows(paths: Sequence[Path], columns: Sequence[str], spelling: Spelling, stated: Stated) -> Typed:
    """Return some columns of all rows, and how their texts are read, as the values of all files together say."""
    as_texts = [] if is_parquet(paths[0]) else [name for name in columns if stated.kinds.get(name) in AS_TEXT]
    rest = [name for name in columns if name not in as_texts]
    table, readings = read_columns(paths[0], rest, spelling) if len(paths) == 1 else read_all(paths, rest, spelling)
    if as_texts:
        reading = Reading("text", missing=spelling.missing)
        texts = texts_of(paths, as_texts)
        table = table.hstack([read(reading, texts[name]).alias(name) for name in as_texts])
        readings = readings | dict.fromkeys(as_texts, reading)
    return stated.typed(table.select(exactly(columns)), readings, spelling, listed([str(path) for path in paths], 3))


def texts_of(paths: Sequence[Path], names: Sequence[str]) -> "pl.DataFrame":
    """Return columns of CSV files as they are written, without the rows that are blank."""
    tables = []
    for path in paths:
        with readable(path, "data.path"):
            texts = scan_texts(path, layout_of(path, "data.path"))
            tables.append(texts.filter(~is_blank()).select(exactly(names)).collect())
    return pl.concat(tables)


def read_all(
    paths: Sequence[Path], columns: Sequence[str], spelling: Spelling
) -> tuple["pl.DataFrame", dict[str, Reading]]:
    """Return what `read_columns` returns, of several files.

    Raises:
        UserError: see there; or a column is of one type in a Parquet file, and of another in the next.
    """
    if is_parquet(paths[0]):
        tables = [read_columns(path, columns, spelling) for path in paths]
        try:
            joined = pl.concat([table.select(exactly(columns)) for table, _ in tables], how="vertical_relaxed")
            return joined, tables[0][1]
        except pl.exceptions.PolarsError as error:
            raise UserError(f"data.path: a column has another type in some of the files: {error}") from None
    texts = texts_of(paths, columns)
    if texts.is_empty():
        raise UserError(f"data.path: {listed([str(path) for path in paths], 3)} have column names, but no rows")
    found = survey([texts], columns, spelling.missing)
    readings = decide(found, spelling, "data.path")
    whole = {name for name in columns if readings[name].is_plain and found[name].is_whole}
    values = texts.select(
        (readings[name].whole(column) if name in whole else readings[name].values(column)).alias(name)
        for name, column in zip(columns, exactly(columns), strict=True)
    )
    refuse_two_centuries(values.lazy(), readings, "data.path")
    return values, readings
