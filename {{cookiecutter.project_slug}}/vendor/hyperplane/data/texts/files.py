"""Texts in .txt files: those of a folder with one folder a class, and those that are predicted."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import UserError
from ..class_folders import Samples, files_below, of_folder
from ..files.access import not_utf8
from ..lazy_polars import pl

ENDINGS = (".txt",)
TEXTS = Samples("text", "reviews/good/1.txt", ENDINGS, "data.path=reviews.csv data.text=<column> data.target=<column>")
TEXT, CLASS, PART = "text", "class", "part"  # the columns of a folder
FILE = "file"  # the column with the names of files beside predictions


def content_of(file: Path, key: str) -> str:
    """Return the text of a file.

    Raises:
        UserError: it cannot be read, or is not in UTF-8.
    """
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{key}={file} cannot be read: {not_utf8(error)}") from None
    except OSError as error:
        raise UserError(f"{key}={file} cannot be read: {error.strerror or error}") from None


def texts_below(folder: Path, key: str) -> list[Path]:
    """Return the .txt files in a folder and in all below it, in the order of their names."""
    files, _ = files_below(folder, ENDINGS)
    if not files:
        raise UserError(f"{key}={folder} is a folder without .txt files")
    return sorted(files)


def table_of_folder(folder: Path, columns: Mapping[str, Any], task: str) -> tuple["pl.DataFrame", Sequence[str], str]:
    """Return texts, classes and, where folders say them, parts; the names of the files; and a digest of all.

    Raises:
        UserError: see `of_folder` and `content_of`; or the folders say no test.
    """
    found = of_folder(folder, TEXTS, columns, task)
    parts = {} if found.parts is None else {PART: found.parts.tolist()}
    if parts and "test" not in parts[PART]:
        raise UserError(f"data.path={folder} has a folder train/, and no folder test/")
    texts = [content_of(file, "data.path") for file in found.files]
    table = {TEXT: texts, CLASS: found.labels.tolist(), **parts}
    digest = hashlib.sha256("\0".join([*found.names, *texts]).encode()).hexdigest()
    return pl.DataFrame(table), found.names, digest


def new_texts(source: Path, column: str) -> tuple["pl.DataFrame", "pl.DataFrame"] | None:
    """Return the texts of a folder or of a .txt file in a column, and the names of the files; None for a table."""
    if not source.is_dir() and not source.name.lower().endswith(ENDINGS):
        return None
    files = texts_below(source, "input") if source.is_dir() else [source]
    names = [file.relative_to(source).as_posix() if source.is_dir() else file.name for file in files]
    return pl.DataFrame({column: [content_of(file, "input") for file in files]}), pl.DataFrame({FILE: names})
