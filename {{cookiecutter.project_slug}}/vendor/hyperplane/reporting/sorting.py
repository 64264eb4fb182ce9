"""The order of `runs list --sort`, and of a table that is sorted on its page."""

import math
from collections.abc import Sequence

from .asking import check_known, known_metrics, known_settings
from .direction import higher_is_better, why_unknown
from .results import setting
from .spelling import numbers_first
from .summaries import ReportedRun


def in_order(runs: list[ReportedRun], key: str, everything: list[ReportedRun]) -> list[ReportedRun]:
    """Best first by a metric, the runs without a finite one last; ascending by anything else.

    By a metric whose direction is not known it is ascending too.
    """
    metrics = known_metrics(everything)
    if key in metrics:
        sign = -1 if higher_is_better(key, everything) else 1
        values = [sign * run.metrics.get(key, math.nan) for run in runs]
        order = sorted(range(len(runs)), key=lambda i: (not math.isfinite(values[i]), values[i]))
        return [runs[i] for i in order]
    if key in ("status", "folder"):
        return sorted(runs, key=lambda run: str(getattr(run, key)))
    check_known("setting or metric", key, [*known_settings(everything), "status", "folder", *metrics])
    return sorted(runs, key=lambda run: numbers_first(setting(run, key)))


def why_not_best_first(key: str | None, runs: list[ReportedRun]) -> str:
    """Why a metric is sorted from the smallest value and not from the best; empty where it is not."""
    if key not in known_metrics(runs) or higher_is_better(key, runs) is not None:
        return ""
    return f"Sorted from the smallest {key}, not from the best: {why_unknown(key, runs)}."


def places(column: Sequence[str], of_settings: bool) -> list[int | None]:
    """The place of each cell when a column is sorted; None for what comes last in either direction: no finite value."""
    keys = {cell: numbers_first(cell) if of_settings else figures_first(cell) for cell in column if cell}
    order = sorted((key, cell) for cell, key in keys.items() if key is not None)
    found = {cell: place for place, (_, cell) in enumerate(order)}
    return [found.get(cell) for cell in column]


def figures_first(cell: str) -> list[tuple[bool, float, str]] | None:
    """A sort key of `0.65 ± 0.01`, or of an interval, which its lower end places; text comes after all figures."""
    try:
        number = float(cell.lstrip("[").partition(" ")[0].rstrip(","))
    except ValueError:
        return numbers_first(cell)
    return [(False, number, "")] if math.isfinite(number) else None
