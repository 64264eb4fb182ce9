"""The names of a table's columns, looked at before torch is imported: that a setting names none of them is seen soon.

A data set states `column_settings`, the settings that name columns of `data.path`. One that extends it may make
columns of its own, so the statement is not inherited. Where it `reads_folders`, a folder has no columns.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from loguru import logger

from ...paths import expanded
from ...settings import Settings
from ...signatures.classes import class_attribute

READER = f"{__package__.rpartition('.')[0]}.files"


def refuse_absent_columns(settings: Settings) -> None:
    """Refuse a run whose table lacks a column that its settings name, or has names that cannot be read."""
    given = settings.data.arguments()
    keys = class_attribute(settings.data.import_path, "column_settings", (), inherited=False)
    path, pattern = given.get("path"), given.get("pattern")
    is_folder = isinstance(path, str) and pattern is None and expanded(Path(path)).is_dir()
    if keys and path and not (is_folder and class_attribute(settings.data.import_path, "reads_folders", False)):
        # These import numpy, for which a run that has no table need not wait
        from ..columns.names import as_names, require_columns
        from .sources import files_of

        named = [(key, name) for key in keys for name in as_names(given.get(key))]
        files = files_of(path, pattern)
        changes = tuple(expanded(file).stat().st_mtime_ns for file in files)
        require_columns(named, names_at(tuple(files), changes), shown(path, pattern))


def shown(path: str | Sequence[str], pattern: str | None) -> Path:
    """Return what messages call the files that settings name."""
    return Path(path if isinstance(path, str) else ", ".join(path), pattern or "")


@cache  # a thousand jobs of a sweep share their file
def names_at(files: tuple[Path, ...], changes: tuple[int, ...]) -> list[str]:
    """Return the names of the columns of files that were changed at these times."""
    from .sources import names_of

    logger.disable(READER)  # what there is to say of the files is said when they are read
    try:
        return names_of(files)
    finally:
        logger.enable(READER)
