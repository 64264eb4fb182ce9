"""Notices what changed in a run folder after the run wrote it: a flipped bit, a file cut off or taken from another run.

`summary.json` holds the SHA-256 of the run's other files under `files`, and under `digest` that of the summary itself.
Imports no torch.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

# What results are read from, relative to the run folder.
GUARDED = (".hydra/config.yaml", ".hydra/overrides.yaml", ".hydra/hydra.yaml", "metrics.csv")
SMALL = 1 << 16  # bytes of a file that are read at once: what reads in parts makes room for four times as many first


def seal(summary: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return `summary` with the digests of the run's files in `folder` and of itself."""
    paths = [folder / name for name in GUARDED] + sorted(folder.glob("checkpoints/*.ckpt"))
    paths += sorted(folder.glob("*/checkpoints/*.ckpt"))  # of stages
    files = {path.relative_to(folder).as_posix(): file_digest(path) for path in paths if path.is_file()}
    sealed = summary | {"files": files}
    return sealed | {"digest": digest(sealed)}


def digest(content: Any) -> str:
    """Return the SHA-256 of JSON values, whatever the order of their keys; of a summary, all but its own digest."""
    if isinstance(content, dict):
        content = {key: value for key, value in content.items() if key != "digest"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    if path.stat().st_size < SMALL:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_sealed(path: Path) -> dict[str, Any]:
    """Return the content of a `summary.json`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or was changed after the run wrote it.
    """
    summary = json.loads(path.read_bytes())
    if not isinstance(summary, dict):
        raise ValueError("is not a summary")
    if "digest" in summary and summary["digest"] != digest(summary):
        raise ValueError("was changed after the run wrote it: its digest does not fit")
    return summary


def read_summary(folder: Path) -> dict[str, Any]:
    """Return what `folder/summary.json` holds, or an empty dict if there is none that can be believed."""
    try:
        return read_sealed(folder / "summary.json")
    except (OSError, ValueError):
        return {}


def is_completed(folder: Path) -> bool:
    """Say whether the run in `folder` has run to its end."""
    return read_summary(folder).get("status") == "completed"


def is_unchanged(path: Path, folder: Path, summary: dict[str, Any]) -> bool:
    """Say whether a file of the run in `folder` is the one that its summary was written with."""
    expected = summary.get("files", {}).get(path.relative_to(folder).as_posix())
    try:
        return expected is None or file_digest(path) == expected
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return False
