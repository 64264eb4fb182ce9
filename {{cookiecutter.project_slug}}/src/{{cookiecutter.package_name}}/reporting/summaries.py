"""Read the `summary.json` of every run under a folder, and group the runs by their settings."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from os import walk  # Path.walk exists only from Python 3.12 on
from pathlib import Path
from typing import Any

STATUSES = ("completed", "failed", "interrupted")
# Folders inside a run that hold thousands of files and no summary; hidden ones are skipped too.
SKIPPED_FOLDERS = {"wandb", "checkpoints", "__pycache__", "node_modules"}
# Settings that do not change what is trained. The seed is what the mean is taken over.
NOT_A_SETTING = {"seed", "sweep", "resume", "tracking", "hydra"}
FIRST_COLUMNS = ("model", "data")
DEFAULT = "default"  # shown where a run leaves alone what another run overrides


@dataclass(frozen=True)
class Run:
    """One finished run: `settings` maps override or config group to value, both as text."""

    folder: Path
    status: str
    settings: dict[str, str]
    seed: int | None
    metrics: dict[str, float]
    error: str = ""
    input_shape: tuple[int, ...] = ()  # of the data; empty where the run ended before it was known


@dataclass
class RunsFound:
    """Everything found under a folder, in the order of the paths."""

    runs: list[Run] = field(default_factory=list)
    unfinished: list[Path] = field(default_factory=list)  # has .hydra, but no summary.json yet
    unreadable: list[tuple[Path, str]] = field(default_factory=list)  # path, what is wrong


@dataclass(frozen=True)
class Statistic:
    """Mean and sample standard deviation (n - 1 in the denominator) of `count` values.

    `mean` is None without values, `std` is None for fewer than two.
    """

    mean: float | None
    std: float | None
    count: int


@dataclass(frozen=True)
class Row:
    """The runs that share one setting, that is, differ only in their seed."""

    settings: dict[str, str]
    runs: tuple[Run, ...]

    def with_status(self, status: str) -> list[Run]:
        return [run for run in self.runs if run.status == status]

    def statistic(self, metric: str) -> Statistic:
        """Over the completed runs that have the metric."""
        completed = self.with_status("completed")
        return mean_and_std([run.metrics[metric] for run in completed if metric in run.metrics])


def find_runs(folder: Path) -> RunsFound:
    """Every run under `folder`, which may itself be one. Broken files are listed, never raised."""
    found = RunsFound()

    def note_unreadable(error: OSError) -> None:
        found.unreadable.append((Path(error.filename), error.strerror or str(error)))

    for parent, folders, files in walk(folder, onerror=note_unreadable):
        is_run = ".hydra" in folders
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS and not name.startswith("."))
        path = Path(parent)
        if "summary.json" in files:
            try:
                found.runs.append(read_run(path / "summary.json"))
            except (OSError, ValueError) as error:
                found.unreadable.append((path / "summary.json", first_line(error)))
        elif is_run:
            found.unfinished.append(path)
    return found


def read_run(path: Path) -> Run:
    """One `summary.json`. Raises ValueError with the reason where it is not one, or is cut off."""
    summary = json.loads(path.read_bytes())
    if not isinstance(summary, dict) or summary.get("status") not in STATUSES:
        raise ValueError(f"has no status, one of {', '.join(STATUSES)}")
    overrides, choices, metrics = (
        summary.get("overrides") or [],
        summary.get("choices") or {},
        summary.get("metrics") or {},
    )
    if not (isinstance(overrides, list) and isinstance(choices, dict) and isinstance(metrics, dict)):
        raise ValueError("overrides must be a list, choices and metrics must be mappings")
    seed, shape = summary.get("seed"), summary.get("input_shape")
    return Run(
        folder=path.parent,
        status=summary["status"],
        settings=settings_of([str(text) for text in overrides], choices),
        seed=seed if isinstance(seed, int) else None,
        metrics=finite_or_nan(metrics),
        error=first_line(summary.get("error") or ""),
        input_shape=tuple(shape) if isinstance(shape, list) else (),
    )


def settings_of(overrides: Iterable[str], choices: dict[str, Any]) -> dict[str, str]:
    """`["+model.dropout=0.1"]`, `{"model": "mlp"}` -> `{"model.dropout": "0.1", "model": "mlp"}`.

    What cannot change the result of a run (`NOT_A_SETTING`) is left out.
    """
    settings: dict[str, str] = {}
    for override in overrides:
        key, _, value = override.partition("=")
        settings[key.lstrip("+~")] = "removed" if key.startswith("~") else value
    settings |= {key: "none" if value is None else str(value) for key, value in choices.items()}
    return {
        key: " ".join(value.split())
        for key, value in settings.items()
        if key.replace("/", ".").partition(".")[0] not in NOT_A_SETTING
    }


def finite_or_nan(metrics: dict[str, Any]) -> dict[str, float]:
    """The numbers among `metrics`; null is how strict JSON writes a loss that became NaN."""
    return {
        name: math.nan if value is None else float(value)
        for name, value in metrics.items()
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    }


def first_line(error: object) -> str:
    """The first line that says something, at most 200 characters of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:200] if lines else ""


def mean_and_std(values: list[float]) -> Statistic:
    """NaN and infinity pass through: a diverged run shows in the mean instead of vanishing."""
    count = len(values)
    if not count:
        return Statistic(None, None, 0)
    mean = sum(values) / count
    if count == 1:
        return Statistic(mean, None, 1)
    return Statistic(mean, math.sqrt(sum((x - mean) * (x - mean) for x in values) / (count - 1)), count)


def varying_settings(runs: list[Run]) -> list[str]:
    """The settings that differ between runs: model, data, other config groups, then the rest."""
    keys = {key for run in runs for key in run.settings}
    varying = {key for key in keys if len({run.settings.get(key) for run in runs}) > 1}
    # Without any difference there is one row, which still has to say what it is.
    columns = varying or keys.intersection(FIRST_COLUMNS)
    first = [key for key in FIRST_COLUMNS if key in columns]
    return first + sorted(columns - set(first), key=lambda key: ("." in key, key))


def group_by_setting(runs: list[Run], columns: list[str]) -> list[Row]:
    """One row per distinct combination of `columns`: by data, then by the columns in order."""
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        values = tuple(run.settings.get(column, DEFAULT) for column in columns)
        groups.setdefault(values, []).append(run)
    order = sorted(columns, key=lambda column: column != "data")
    rows = [
        Row(members[0].settings | dict(zip(columns, values, strict=True)), tuple(members))
        for values, members in groups.items()
    ]
    return sorted(rows, key=lambda row: [numbers_first(row.settings[key]) for key in order])


def numbers_first(value: str) -> tuple[bool, float, str]:
    """A sort key under which 0.01 < 0.1 < 10 < adam."""
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    return (True, 0.0, value) if math.isnan(number) else (False, number, value)
