"""Files of images that a table names, and those that are predicted."""

from pathlib import Path

from ...errors import UserError, with_nearest
from ...paths import expanded
from ..class_folders import files_below
from ..columns.values import as_text, is_text, listed
from ..files.survey import UNTOLD
from ..files.table_files import column_names, read_columns
from ..lazy_polars import pl
from .endings import ENDINGS


def paths_of(table: "pl.DataFrame", column: str, path: Path, key: str) -> tuple[list[Path], list[str]]:
    """Return the files that a column names, relative to the table's own folder, and their names as they stand there.

    Raises:
        UserError: a row has none, the column holds no text, or not one of the files is there.
    """
    values = table[column]
    if not is_text(values):
        raise UserError(f"{key}={column} must hold paths; it holds {values.dtype}: {values[0]!r}")
    missing = as_text(values).is_null().arg_true()
    if len(missing):
        raise UserError(f"{key}={column}: row {missing[0] + 1} names no file")
    names = as_text(values).to_list()
    folder = expanded(path).parent
    files = [folder / name.replace("\\", "/") for name in names]
    if not any(file.is_file() for file in files):
        raise UserError(
            f"{key}={column}: none of the {len(files)} files is there, the first is {names[0]}. Paths are relative to "
            f"the folder of the table, {folder.absolute()}"
        )
    return files, names


def new_images(source: Path, column: str) -> tuple[list[Path], list[str]]:
    """Return the images to predict and their names: one file, all in a folder and below it, or those of a table.

    The `column` of a table holds paths relative to it; empty: its first one.

    Raises:
        UserError: there is none.
    """
    if source.is_dir():
        images, _ = files_below(source, ENDINGS)
        if not images:
            raise UserError(f"input={source} holds no image: names end in {', '.join(ENDINGS)}")
        return images, [path.relative_to(source).as_posix() for path in images]
    if source.name.lower().endswith(ENDINGS):
        return [source], [source.name]
    columns = column_names(source, "input")
    column = column or columns[0]
    if column not in columns:
        says = with_nearest(f"input={source} has no column {column!r}.", column, columns)
        raise UserError(f"{says}\nIt has: {listed(columns)}")
    table, _ = read_columns(source, [column], UNTOLD, "input")
    return paths_of(table, column, source, "input")
