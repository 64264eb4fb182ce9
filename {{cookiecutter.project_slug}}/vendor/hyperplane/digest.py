"""Says whether the engine is as the template delivered it. `DIGEST` holds its version and a SHA-256 for each file.

The template writes it when it makes or updates a project; `make lint` runs this file, and names what was edited since.
It imports nothing of the engine, so that both can run it by its path.
"""

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

VENDOR = Path(__file__).resolve().parents[1]
DIGEST = "hyperplane/DIGEST"
MOST_NAMED = 8
MESSAGE = """\
The engine was edited by hand: {}
Put it back, and commit:
  git restore --source=$(git log -1 --format=%h -- vendor/hyperplane/DIGEST) --staged --worktree vendor
  git clean -f vendor    # and files that were added
Or make it yours, never checked, and merged by updates like src/:
  git rm vendor/hyperplane/DIGEST
"""


def write(vendor: Path, version: str) -> None:
    """Write the digest of the engine in a folder `vendor`, as a template of this version delivers it."""
    lines = [f"{file_digest(vendor / name)}  {name}\n" for name in sorted(names(vendor))]
    (vendor / DIGEST).write_bytes("".join([f"{version}\n", *lines]).encode())


def read(vendor: Path) -> tuple[str, dict[str, str]] | None:
    """Return the version that was delivered and the digest of each file, or None for an engine without `DIGEST`."""
    try:
        version, *lines = (vendor / DIGEST).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return version, {name: value for value, _, name in (line.partition("  ") for line in lines)}


def edited(vendor: Path) -> list[str]:
    """Return the names of the files that were changed, added or deleted since the engine was delivered."""
    delivered = read(vendor)
    if delivered is None:
        return []
    expected = delivered[1]
    # Installed, hydra_plugins is shared with other distributions: there only what was delivered is looked at.
    there = {name for name in (*names(vendor), *expected) if (vendor / name).is_file()}
    found = {name: file_digest(vendor / name) for name in there}
    return sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))


def names(vendor: Path) -> Iterator[str]:
    """Yield the names of the engine's files, relative to `vendor`. Caches and hidden files are no part of it."""
    for top in ("hyperplane", "hydra_plugins") if vendor.name == "vendor" else ("hyperplane",):
        for folder, folders, files in os.walk(vendor / top):
            folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
            relative = Path(folder).relative_to(vendor).as_posix()
            yield from (f"{relative}/{name}" for name in files if not name.startswith(".") and name != "DIGEST")


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file; git may have given it the line endings of this system."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def complaint(vendor: Path) -> str:
    """Return what is to be said of an engine that was edited, or an empty string."""
    found = edited(vendor)
    named = [f"vendor/{name}" for name in found[:MOST_NAMED]]
    more = [f"and {len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else []
    return MESSAGE.format(", ".join(named + more)) if found else ""


@cache
def engine() -> dict[str, Any]:
    """Return the version of this engine and its files that were edited; both None without `DIGEST`."""
    delivered = read(VENDOR)
    return {"version": delivered and delivered[0], "edited": edited(VENDOR) if delivered else None}


if __name__ == "__main__":
    if found := complaint(VENDOR):
        sys.exit(found)
