"""Notices what changed in a run folder after the run wrote it: a flipped bit, a file cut off or taken from another run.

`summary.json` holds the SHA-256 of the run's other files under `files`, and under `seal` that of its own
text before it. Imports no torch.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

# What results are read from, relative to the run folder.
GUARDED = (".hydra/config.yaml", ".hydra/overrides.yaml", ".hydra/hydra.yaml", "metrics.csv")
SEAL = ',\n "seal": "'  # what follows the text that is sealed
SMALL = 1 << 16  # bytes of a file that are read at once: what reads in parts makes room for four times as many first


def seal(summary: dict[str, Any], folder: Path) -> str:
    """Return the text of `summary.json`: `summary`, the digests of the run's files in `folder`, and its own."""
    paths = [folder / name for name in GUARDED] + sorted(folder.glob("checkpoints/*.ckpt"))
    paths += sorted(folder.glob("*/checkpoints/*.ckpt"))  # of stages
    files = {path.relative_to(folder).as_posix(): file_digest(path) for path in paths if path.is_file()}
    unsealed = {key: value for key, value in summary.items() if key != "seal"} | {"files": files}
    text = json.dumps(unsealed, indent=1, ensure_ascii=False).removesuffix("\n}")
    return text + seal_of(text.encode()).decode()


def seal_of(text: bytes) -> bytes:
    """Return the lines that follow `text` at the end of `summary.json`."""
    return f'{SEAL}{hashlib.sha256(text).hexdigest()}"\n}}\n'.encode()


def digest(content: Any) -> str:
    """Return the SHA-256 of JSON values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    with path.open("rb", buffering=0) as file:  # a buffer costs as much as reading, and there may be 10,000
        if os.fstat(file.fileno()).st_size < SMALL:
            return hashlib.sha256(file.read()).hexdigest()
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_sealed(path: Path) -> dict[str, Any]:
    """Return the content of a `summary.json`.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or was changed after the run wrote it.
    """
    with path.open("rb", buffering=0) as file:
        content = file.read()
    summary = json.loads(content)
    if not isinstance(summary, dict):
        raise ValueError("is not a summary")
    text, *end = content.rpartition(SEAL.encode())
    if "seal" in summary and b"".join(end) != seal_of(text):
        raise ValueError("was changed after the run wrote it, if only the ends of its lines: its seal does not fit")
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
    return is_as_written(path.relative_to(folder).as_posix(), path, summary)


def is_as_written(name: str, path: Path, summary: dict[str, Any]) -> bool:
    """Say whether the file of a run whose `summary` calls it `name` is the one that the summary was written with."""
    expected = summary.get("files", {}).get(name)
    try:
        return expected is None or file_digest(path) == expected
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return False
