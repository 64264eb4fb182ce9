"""Where results come from: the commit and a digest of the code, the versions of the libraries, the data files."""

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ..project import current
from ..settings import Settings
from .integrity import digest, file_digest

PACKAGES = ("torch", "lightning", "torchmetrics", "numpy", "hydra-core")
LARGE = 256 * 2**20  # bytes of a file that takes longer to read than a run may wait


@cache
def git_state() -> dict[str, Any]:
    """Return the commit and whether files differ from it; commit None outside a repository or without git."""
    commit = git("rev-parse", "HEAD")
    return {"commit": commit, "dirty": None if commit is None else bool(git("status", "--porcelain"))}


@cache
def code() -> str:
    """Return a digest of the project's own Python files: results of other code do not compare."""
    folder = current().folder
    files = sorted(folder.rglob("*.py"))
    return digest([(path.relative_to(folder).as_posix(), file_digest(path)) for path in files])[:16]


def git(*arguments: str) -> str | None:
    """Return what git answers, or None if it does not."""
    try:
        answer = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def data_files(settings: Settings) -> dict[str, str]:
    """Return what tells whether the files that the data settings name have changed: a digest, by their names."""
    named = (value for value in settings.data.arguments().values() if isinstance(value, str))
    return {name: digest_of_file(Path(name)) for name in named if Path(name).is_file()}


def digest_of_file(path: Path) -> str:
    """Return a digest of a file's content; of one that takes long to read, its size and the time it was written."""
    facts = path.stat()
    if facts.st_size > LARGE:
        return f"{facts.st_size} bytes of {facts.st_mtime_ns}"
    return file_digest(path)[:16]
