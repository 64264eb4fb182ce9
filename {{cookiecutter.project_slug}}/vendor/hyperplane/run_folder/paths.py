"""Paths as a user would type them."""

from pathlib import Path


def shown(path: Path) -> Path:
    """Return `path` as a user would type it: relative to where they are, if it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
