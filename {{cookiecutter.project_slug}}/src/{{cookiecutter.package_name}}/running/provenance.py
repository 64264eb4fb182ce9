"""Where results come from: the commit of the code and the versions of the libraries."""

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("torch", "lightning", "torchmetrics", "numpy", "hydra-core")


@cache
def git_state() -> dict[str, Any]:
    """Return the commit and whether files differ from it; commit None outside a repository or without git."""
    commit = git("rev-parse", "HEAD")
    return {"commit": commit, "dirty": None if commit is None else bool(git("status", "--porcelain"))}


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
