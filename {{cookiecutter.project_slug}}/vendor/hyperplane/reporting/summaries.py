"""Read what every run under a folder left: its `summary.json`, or for one that has none yet, what was asked for."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile
from os import scandir
from pathlib import Path
from sys import intern
from typing import Any

from ..run_folder.integrity import is_as_written, read_sealed
from .spelling import unify

STATUSES = ("completed", "failed", "interrupted")
UNFINISHED = "unfinished"  # no summary yet: still running, or killed
PRUNED = "pruned"  # a search ended it early, since others of its trials did better: in no mean, and no failure
# Folders inside a run that hold thousands of files and no summary; hidden ones are skipped too.
SKIPPED_FOLDERS = {"wandb", "mlruns", "checkpoints", "figures", "__pycache__", "node_modules"}
LISTS = ("overrides", "input_shape", "warnings")
MAPPINGS = (
    "choices",
    "metrics",
    "higher_is_better",
    "seconds",
    "checkpoint",
    "git",
    "versions",
    "engine",
    "hardware",
    "files",
    "data_files",
)
# What reading a broken file can raise: numbers beyond all bounds and brackets without end among them.
UNREADABLE = (OSError, ValueError, ArithmeticError, RecursionError)
# Settings that do not change what is trained. The seed is what the mean is taken over.
NOT_A_SETTING = {"seed", "sweep", "resume", "tracking", "hydra"}
CONFIG = ".hydra/config.yaml"
FOLD = "data.fold"  # of a cross-validation: a mean is taken over folds too


@dataclass(frozen=True, slots=True)
class ReportedRun:
    """One run: `settings` maps override or config group to value, both as text."""

    folder: Path
    status: str
    settings: dict[str, str]
    seed: int | None
    metrics: dict[str, float]
    fold: int | None = None  # of a cross-validation; None where the run is no part of one
    error: str = ""
    input_shape: tuple[int, ...] = ()  # of the data; empty where the run ended before it was known
    curves: str = ""  # SHA-256 of its metrics.csv, as it wrote it; empty where it did not say
    data_files: dict[str, str] = field(default_factory=dict)  # a digest of each file that the data were read from
    higher_is_better: dict[str, bool] = field(default_factory=dict)  # of metrics, by their name without the stage
    warnings: tuple[str, ...] = ()  # what has to be known before its metrics are compared
    typed: tuple[str, ...] = ()  # names of the overrides; a set takes 700 bytes
    code: str = ""  # a digest of the project's own; empty where the run did not know it
    engine: str = ""  # its version; empty where the run did not know it
    edited: tuple[str, ...] = ()  # files of the engine that had been edited by hand
    seconds: float | None = None  # that it took; None where it did not say


@dataclass
class RunsFound:
    """Everything found under a folder, in the order of the paths."""

    runs: list[ReportedRun] = field(default_factory=list)  # those with a summary
    unfinished: list[ReportedRun] = field(default_factory=list)  # has .hydra, but no summary.json yet
    unreadable: list[tuple[Path, str]] = field(default_factory=list)  # path, what is wrong
    remarks: list[str] = field(default_factory=list)  # what has to be known of them


def find_runs(folder: Path) -> RunsFound:
    """Every run under `folder`, which may itself be one, equal values spelled equally.

    Broken files are listed, never raised.
    """
    found = RunsFound()

    def note_unreadable(error: OSError) -> None:
        found.unreadable.append((Path(error.filename), error.strerror or str(error)))

    for path, has_summary in run_folders(folder, note_unreadable):
        if not has_summary:
            found.unfinished.append(read_unfinished(path))
            continue
        try:
            found.runs.append(read_reported_run(path / "summary.json"))
        except UNREADABLE as error:
            found.unreadable.append((path / "summary.json", first_line(error)))
    unify(run.settings for run in [*found.runs, *found.unfinished])
    return found


def run_folders(folder: Path, onerror: Callable[[OSError], None] | None = None) -> Iterator[tuple[Path, bool]]:
    """Every run folder under `folder`, in the order of the paths, and whether it has a summary yet.

    A run holds no other runs, so the folder of one that has a summary is not looked through: there may be 10,000.
    """
    try:
        is_whole = (folder / "summary.json").is_file()
        names = set() if is_whole else folders_in(folder)
    except OSError as error:
        if onerror is not None:
            onerror(error)
        return
    if is_whole or ".hydra" in names:
        yield folder, is_whole
    for name in sorted(names - SKIPPED_FOLDERS):
        if not name.startswith("."):
            yield from run_folders(folder / name, onerror)


def folders_in(folder: Path) -> set[str]:
    """Return the names of the folders in a folder."""
    with scandir(folder) as entries:
        return {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)}


def load_summary(path: Path) -> dict[str, Any]:
    """One `summary.json`. Raises one of UNREADABLE, with the reason, where it is not one, is damaged or was changed."""
    summary = read_sealed(path)
    if not is_as_written(CONFIG, path.parent / CONFIG, summary):
        raise ValueError("is of another run, or .hydra/config.yaml was changed after the run wrote it")
    if summary.get("status") not in STATUSES:
        raise ValueError(f"has no status, one of {', '.join(STATUSES)}")
    for kind, keys in ((list, LISTS), (dict, MAPPINGS)):
        for key in keys:
            if not isinstance(summary.get(key) or kind(), kind):
                raise ValueError(f"its {key} are not a {'list' if kind is list else 'mapping'}")
    return summary


def read_reported_run(path: Path) -> ReportedRun:
    """What a report needs of one `summary.json`. Raises as `load_summary` does."""
    summary = load_summary(path)
    seed = summary.get("seed")
    engine = summary.get("engine") or {}
    edited = engine.get("edited") or []
    overrides = [str(override) for override in summary.get("overrides") or []]
    settings = settings_of(overrides, summary.get("choices") or {})
    return ReportedRun(
        folder=path.parent,
        status=PRUNED if summary.get("pruned") is True else intern(summary["status"]),
        fold=take_fold(settings),
        settings=settings,
        typed=tuple(printable(key) for key, _ in map(as_setting, overrides)),
        seed=seed if isinstance(seed, int) else None,
        metrics=finite_or_nan(summary.get("metrics") or {}),
        error=first_line(summary.get("error") or ""),
        warnings=tuple(map(first_line, summary.get("warnings") or [])),
        input_shape=tuple(summary.get("input_shape") or []),
        curves=str((summary.get("files") or {}).get("metrics.csv", "")),
        data_files={printable(path): printable(str(it)) for path, it in (summary.get("data_files") or {}).items()},
        code=printable(str(summary.get("code") or "")),
        engine=printable(str(engine.get("version") or "")),
        edited=tuple(printable(str(name)) for name in edited) if isinstance(edited, list) else (),
        seconds=finite_or_nan(summary.get("seconds") or {}).get("total"),
        higher_is_better={k: v for k, v in (summary.get("higher_is_better") or {}).items() if isinstance(v, bool)},
    )


def read_unfinished(folder: Path) -> ReportedRun:
    """A run without a summary, known by what Hydra wrote when it started; without settings if that cannot be read."""
    from yaml import YAMLError  # slow to import, and only needed where a run has not ended

    try:
        overrides = read_overrides(folder)
        text = (folder / ".hydra" / "hydra.yaml").read_text(encoding="utf-8")
        lines = takewhile(lambda line: line.startswith("      "), text.partition("\n    choices:\n")[2].splitlines())
        choices = dict(parsed("\n".join(lines)))  # all of hydra.yaml would take 30 ms
        seeds = [text.partition("=")[2] for text in overrides if text.startswith("seed=")]
        seed = int(seeds[-1]) if seeds else None
    except (OSError, ValueError, TypeError, YAMLError):
        return ReportedRun(folder, UNFINISHED, {}, None, {})
    settings = settings_of(overrides, choices)
    return ReportedRun(folder, UNFINISHED, settings, seed, {}, fold=take_fold(settings))


@cache  # the jobs of a sweep share most of theirs
def parsed(text: str) -> Any:
    """What a few lines of YAML hold."""
    from yaml import safe_load

    return safe_load(text)


def read_overrides(folder: Path) -> list[str]:
    """What the run in `folder` was started with. Raises OSError or ValueError where that cannot be read."""
    from yaml import YAMLError, safe_load

    try:
        overrides = safe_load((folder / ".hydra" / "overrides.yaml").read_text(encoding="utf-8"))
    except YAMLError as error:
        raise ValueError(first_line(error)) from error
    if not isinstance(overrides, list):
        raise ValueError("is not a list")
    return [str(text) for text in overrides]


def settings_of(overrides: Iterable[str], choices: dict[str, Any]) -> dict[str, str]:
    """`["+model.dropout=0.1"]`, `{"model": "mlp"}` -> `{"model.dropout": "0.1", "model": "mlp"}`.

    What cannot change the result of a run (`NOT_A_SETTING`) is left out.
    """
    settings = dict(map(as_setting, overrides))
    settings |= {key: "none" if value is None else str(value) for key, value in choices.items()}
    return {
        printable(key): printable(value)
        for key, value in settings.items()
        if key.replace("/", ".").partition(".")[0] not in NOT_A_SETTING
    }


def as_setting(override: str) -> tuple[str, str]:
    """`+model.dropout=0.1` as key and value; `~key` is removed."""
    key, _, value = override.partition("=")
    return key.lstrip("+~"), "removed" if key.startswith("~") else value


def take_fold(settings: dict[str, str]) -> int | None:
    """Remove the fold from `settings` and return it: its jobs repeat a setting, as those of a seed do."""
    text = settings.pop(FOLD, "")
    return int(text) if text.isdecimal() else None


@cache  # the runs of a sweep share most of theirs
def printable(text: str) -> str:
    """One line without control characters: what others wrote cannot steer the terminal that shows it."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)


def finite_or_nan(metrics: dict[str, Any]) -> dict[str, float]:
    """The numbers among `metrics`; null is how strict JSON writes a loss that became NaN."""
    return {
        intern(name): math.nan if value is None else float(value)
        for name, value in metrics.items()
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    }


def first_line(error: object) -> str:
    """The first line that says something, at most 200 characters of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return printable(lines[0][:200]) if lines else ""
