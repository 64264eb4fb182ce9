"""All that one run left, and what differs between two: overrides, configuration, metrics, versions and commit."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import UserError, with_nearest
from ..run_folder.integrity import is_unchanged
from .spelling import value_of
from .summaries import UNFINISHED, UNREADABLE, as_setting, first_line, load_summary, read_overrides, run_folders

# Of the summary, what two runs are compared in, beside their overrides and metrics.
PLAIN = ("status", "seed", "steps", "epochs", "parameters", "code", "error")
SECTIONS = ("versions", "engine", "git", "hardware")
BOOKKEEPING = {"sweep", "resume"}  # of the configuration: where a run lies, not what it is
MOST_NAMED = 5

Pairs = dict[str, list[Any]]  # what each of the two runs has; of metrics also by how much they differ


def find_run(name: str, root: Path) -> Path:
    """The run folder that `name` is, or the only one under `root` whose path holds `name`.

    Raises:
        UserError: there is none, or more than one.
    """
    folder = Path(name)
    if (folder / ".hydra").is_dir() or (folder / "summary.json").is_file():
        return folder
    folders = [path for path, _ in run_folders(root)]
    matches = [path for path in folders if name.rstrip("/") in str(path)]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        names = [*map(str, folders), *(path.name for path in folders)]
        raise UserError(with_nearest(f"no run {name}.", name, names) + "\nAll of them: runs list")
    named = [str(path) for path in matches[:MOST_NAMED]] + ["…"] * (len(matches) > MOST_NAMED)
    raise UserError(f"{name} stands for {len(matches)} runs:\n" + "\n".join(named))


def details(folder: Path) -> dict[str, Any]:
    """The summary of a run, and the command that repeats it; of an unfinished run, what it was started with."""
    summary = load(folder)
    again = shlex.join(["train", *map(str, summary.get("overrides") or [])])
    return {"folder": str(folder), "status": summary.pop("status"), "again": again, **summary}


def load(folder: Path) -> dict[str, Any]:
    """The summary, or what stands for it while there is none."""
    path = folder / "summary.json"
    try:
        if path.exists():
            return load_summary(path)
        return {"status": UNFINISHED, "overrides": read_overrides(folder)}
    except UNREADABLE as error:
        raise UserError(f"{path} cannot be read: {first_line(error)}") from error


def differences(first: Path, second: Path) -> dict[str, Pairs]:
    """What differs, by section; a section without differences is left out. None where only one of the two has it."""
    a, b = load(first), load(second)
    overrides = [dict(as_setting(str(text)) for text in summary.get("overrides") or []) for summary in (a, b)]
    named = overrides[0].keys() | overrides[1].keys()
    configs = [dict(flat(load_config(folder, summary))) for folder, summary in ((first, a), (second, b))]
    unnamed = [{k: v for k, v in config.items() if not is_named(k, named | BOOKKEEPING)} for config in configs]
    sections = {
        "run": differing(*({key: summary.get(key) for key in PLAIN} for summary in (a, b))),
        "overrides": {key: pair for key, pair in differing(*overrides).items() if not same_value(*pair)},
        "configuration that no override names": differing(*unnamed),
        "metrics": with_difference(differing(a.get("metrics") or {}, b.get("metrics") or {})),
        **{name: differing(a.get(name) or {}, b.get(name) or {}) for name in SECTIONS},
    }
    return {name: pairs for name, pairs in sections.items() if pairs}


def is_named(key: str, overrides: set[str]) -> bool:
    """Whether a value of the configuration was overridden itself, or as a part of a group or mapping that was."""
    return any(key == name or key.startswith(f"{name}.") for name in overrides)


def load_config(folder: Path, summary: dict[str, Any]) -> Any:
    """`.hydra/config.yaml` as plain values; empty where there is none.

    Raises:
        UserError: it cannot be read, or was changed after the run wrote it.
    """
    from yaml import YAMLError, safe_load

    path = folder / ".hydra" / "config.yaml"
    if not path.exists():
        return {}
    if not is_unchanged(path, folder, summary):
        raise UserError(f"{path} was changed after the run wrote it: its digest differs")
    try:
        return safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError, YAMLError) as error:
        raise UserError(f"{path} cannot be read: {first_line(error)}") from error


def flat(config: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """`{"model": {"dropout": 0.1}}` -> `model.dropout`, 0.1."""
    if not isinstance(config, dict):
        return
    for key, value in config.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def same_value(a: str | None, b: str | None) -> bool:
    """Whether two overrides set the same value, however it is spelled."""
    return a is not None and b is not None and value_of(a) == value_of(b)


def differing(a: dict[str, Any], b: dict[str, Any]) -> Pairs:
    return {key: [a.get(key), b.get(key)] for key in dict.fromkeys([*a, *b]) if a.get(key) != b.get(key)}


def with_difference(pairs: Pairs) -> Pairs:
    are_numbers = {key: all(isinstance(value, int | float) for value in pair) for key, pair in pairs.items()}
    return {key: [a, b, b - a if are_numbers[key] else None] for key, (a, b) in pairs.items()}
