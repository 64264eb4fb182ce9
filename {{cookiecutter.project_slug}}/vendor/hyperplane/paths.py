"""Paths as a user types them, and those that stay in the project."""

from pathlib import Path


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
