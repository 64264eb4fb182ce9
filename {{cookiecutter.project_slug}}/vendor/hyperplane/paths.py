"""Paths as a user types them, and those that stay in the project."""

from collections.abc import Sequence
from pathlib import Path

from .errors import UserError, nearest


def shown(path: Path) -> Path:
    """Return `path` as a user would type it: relative to where they are, if it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def inside_project(path: str) -> str:
    """Return a setting that names a folder, if it stays in the folder that a command is started in.

    Raises:
        ValueError: it leads elsewhere.
    """
    if Path(path).is_absolute() or path.startswith("~") or ".." in Path(path).parts:
        raise ValueError("must stay in this project's folder; to keep it elsewhere, make a link to that place")
    return path


def expanded(path: Path) -> Path:
    """Return a path with the home folder for `~`; `~name` may as well be a file, if nobody is called so."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def must_exist(path: Path, key: str, endings: Sequence[str] = ()) -> Path:
    """Return the path of a file or a folder that is there, with the home folder for `~`.

    `key` is the setting that gave it. Without `endings` any file may be meant, and folders.

    Raises:
        UserError: it is not there; names what is called alike, or what else the folder holds.
    """
    path = expanded(path)
    if path.exists():
        return path
    folder = path.parent
    there = sorted(other.name for other in folder.glob("*") if other.name.endswith(tuple(endings or [""])))
    hint = nearest(path.name, there) or (f"That folder has: {', '.join(there[:10])}" if there and endings else "")
    raise UserError(f"{key}={path} does not exist (looked in {folder.absolute()}). {hint}".strip())
