"""Files of tables: where they are, what they are called, and what is wrong with one that cannot be read."""

import csv
import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import UserError, nearest
from ...paths import expanded, must_exist
from ..lazy_polars import pl
from .layout import too_long

ENDINGS = (".csv", ".csv.gz", ".tsv", ".parquet")

# What to do with files that people have as well
OTHERS = dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods"), "Save the sheet as CSV in UTF-8.")
OTHERS |= dict.fromkeys((".zip", ".7z", ".tar", ".tgz", ".bz2", ".xz", ".zst"), "Unpack it first.")
OTHERS |= dict.fromkeys((".feather", ".arrow", ".orc", ".json", ".jsonl", ".pkl", ".h5"), "Save it as Parquet.")


def existing(path: Path, key: str, endings: tuple[str, ...] = ENDINGS) -> Path:
    """Return the path of a file that is there and has one of the endings.

    Raises:
        UserError: it is not there, or has another.
    """
    path = must_exist(path, key, endings)
    if path.is_dir():
        there = sorted(other.name for other in path.iterdir() if other.name.endswith(endings))
        holds = f"it holds {', '.join(there[:10])}" if there else "it holds no such file"
        raise UserError(f"{key}={path} is a folder; name a file in it that ends in {', '.join(endings)}: {holds}")
    if not path.name.lower().endswith(endings):
        hint = OTHERS.get(path.suffix.lower()) or nearest(path.suffix, endings)
        raise UserError(f"{key}={path}: its name must end in {', '.join(endings)}. {hint}".rstrip())
    return path


def is_parquet(path: Path) -> bool:
    return path.name.lower().endswith(".parquet")


def digest_of(path: Path) -> str:
    with expanded(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def not_utf8(error: UnicodeDecodeError) -> str:
    """Say which byte of a file is no UTF-8, and what to do about the file."""
    begins = error.object[:2]
    if begins == b"\x1f\x8b":
        return "it is compressed: let its name end in .gz"
    if begins in (b"PK", b"PA"):
        kind = "a ZIP archive or an Excel workbook" if begins == b"PK" else "a Parquet file"
        return f"it is {kind}, whatever its name says: " + (
            "unpack it, or save it as CSV in UTF-8" if begins == b"PK" else "let its name end in .parquet"
        )
    encoding = "utf-16" if begins in (b"\xff\xfe", b"\xfe\xff") else "cp1252"  # of Windows: latin1, and € and “ as well
    if 0 in begins:
        encoding = "utf-16be" if begins[0] == 0 else "utf-16le"
    return (
        f"it is not in UTF-8: byte {error.start + 1} is {error.object[error.start]:#04x}. "
        f"Convert it to UTF-8: iconv -f {encoding} -t utf-8"
    )


@contextmanager
def readable(path: Path, key: str) -> Iterator[None]:
    """Say what is wrong with a file that is read inside."""
    try:
        yield
    except pl.exceptions.NoDataError:
        raise UserError(f"{key}={path} is empty: it needs a line of column names, and rows below it") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{key}={path} cannot be read: {not_utf8(error)}") from None
    except (pl.exceptions.PolarsError, OSError, EOFError, zlib.error, UnicodeError) as error:
        reason = str(error).partition("\n")[0]
        if "properly escaped" in str(error):
            field = re.search("Field `(.*)` is not properly escaped", str(error), re.DOTALL)
            begins = repr(field[1][:50]) if field else ""
            raise UserError(
                f"{key}={path} cannot be read: a quotation mark opens the field {begins}, but none closes it. "
                'Inside a field, write a quotation mark twice, and the field in quotes: """Yes"" he said"'
            ) from None
        if "more fields" in reason:
            with suppress(csv.Error, OSError, UnicodeError):
                reason = too_long(expanded(path), key) or reason
        raise UserError(
            f"{key}={path} cannot be read: {reason}\n"
            "A CSV file must be UTF-8, with as many fields in each line as there are column names."
        ) from None
