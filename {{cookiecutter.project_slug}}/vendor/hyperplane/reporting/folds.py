"""Cross-validation: how many folds are in each mean, which are missing, and what a choice within each fold reaches.

The folds of a cross-validation are repeats of one setting, as seeds are, though not independent ones.
"""

import math
from collections.abc import Iterable

from .results import Results, Row, fold_name
from .statistics import summarize
from .summaries import ReportedRun
from .table import INTERVAL, format_interval, format_statistic, listed, settings_text

CAVEAT = (
    "Folds are not independent, as they share training data: intervals are too narrow, and p-values too small "
    "(Bengio & Grandvalet 2004, No unbiased estimator of the variance of k-fold cross-validation)."
)


def fold_lines(results: Results) -> list[str]:
    """What stands under the table where runs are folds of a cross-validation; nothing where none is."""
    if not any(run.fold is not None for run in results.runs):
        return []
    rows = [row for row in results.rows if row.folds]
    folds = counted([len(row.folds) for row in rows], "fold")
    seeds = counted([len({run.seed for run in row.with_status("completed")}) for row in rows], "seed")
    several = len({fold for row in rows for fold in row.folds}) > 1
    lines = [f"A mean is over {folds} × {seeds}.{' ' + CAVEAT if several else ''}"] if rows else []
    lines += folds_without_a_run(results)
    partly = sum(not results.has_all_folds(row) for row in results.rows)
    if partly and partly < len(results.rows):
        lines.append(
            f"{partly} of {len(results.rows)} settings lack a fold that others have completed, and are not called the "
            "best: figures of different folds do not compare."
        )
    gaps = {settings_text(results, row.settings): missing(row) for row in results.rows}
    return lines + listed(
        (f"{name}: {', '.join(found)}" for name, found in gaps.items() if found),
        "with a missing fold, so that their mean is over the others",
    )


def counted(counts: Iterable[int], what: str) -> str:
    """`5 folds`, or `3 to 5 folds` where rows differ."""
    fewest, most = min(counts, default=0), max(counts, default=0)
    return f"{most} {what}{'s' * (most != 1)}" if fewest == most else f"{fewest} to {most} {what}s"


def folds_without_a_run(results: Results) -> list[str]:
    """A sentence for each data set of which nobody ran all the folds that `data.folds` makes."""
    run: dict[tuple[str, str], set[int | None]] = {}
    for one in results.runs:
        if one.fold is not None:
            run.setdefault((one.settings.get("data", ""), one.settings.get("data.folds", "")), set()).add(one.fold)
    lines = []
    for (data, folds), found in run.items():
        never = [str(fold) for fold in range(int(folds)) if fold not in found] if folds.isdecimal() else []
        if never:
            on = f" of data={data}" if len(run) > 1 else ""
            lines.append(f"No run has fold {', '.join(never)}{on}, out of data.folds={folds}.")
    return lines


def missing(row: Row) -> list[str]:
    """The folds that were begun and not completed: `fold 3 of seed 1 (failed)`."""
    done = {(run.seed, run.fold) for run in row.with_status("completed")}
    begun = {(run.seed, run.fold): run.status for run in row.runs if run.fold is not None}
    return [
        f"{fold_name(seed, fold)} ({status})"
        for (seed, fold), status in begun.items()
        if (seed, fold) not in done and not (seed is None and fold in row.folds)
    ]


def nested_lines(results: Results) -> list[str]:
    """What is reached by the setting that each fold alone would have chosen, for each data set with several folds.

    The test part of a fold has no say in that choice, so the mean over folds is an estimate without its optimism.
    """
    tested = [metric for metric in results.metrics if metric.startswith("test/")]
    if results.direction is None or not tested:
        return []
    lines: list[str] = []
    for data in dict.fromkeys(map(results.data_of, results.rows)):
        rivals = [row for row in results.rows if results.data_of(row) == data]
        folds = sorted({fold for row in rivals for fold in row.folds})
        choices = {fold: choice for fold in folds if (choice := choose(results, rivals, fold))}
        if len(choices) < 2 or all(candidates < 2 for _, _, candidates in choices.values()):
            continue
        reached = {metric: [mean_of(runs, metric) for _, runs, _ in choices.values()] for metric in tested}
        figures = ", ".join(figure(metric, found, len(choices)) for metric, found in reached.items())
        on = f" on {data}" if data and len(results.best) > 1 else ""
        kind = "highest" if results.direction else "lowest"
        lines.append(
            f"Nested{on}: chosen in each fold alone by the {kind} {results.validation}, which its test part has no say "
            f"in: {figures}, over {len(choices)} folds:"
        )
        lines += [
            f"- fold {fold}: {settings_text(results, row.settings)} (of {candidates}): "
            + ", ".join(figure(metric, [mean_of(runs, metric)], 1) for metric in (results.validation, *tested))
            for fold, (row, runs, candidates) in choices.items()
        ]
    return lines


def choose(results: Results, rivals: list[Row], fold: int) -> tuple[Row, list[ReportedRun], int] | None:
    """The best row of one fold, its runs there, and of how many it is; None where no validation metric is finite."""
    scores = []
    for row in rivals:
        runs = [run for run in row.with_status("completed") if run.fold == fold]
        score = mean_of(runs, results.validation)
        if score is not None and math.isfinite(score):
            scores.append((score, row, runs))
    if not scores:
        return None
    _, row, runs = (max if results.direction else min)(scores, key=lambda found: found[0])
    return row, runs, len(scores)


def mean_of(runs: Iterable[ReportedRun], metric: str) -> float | None:
    return summarize(tuple(run.metrics[metric] for run in runs if metric in run.metrics)).mean


def figure(metric: str, values: Iterable[float | None], runs: int) -> str:
    found = summarize(tuple(value for value in values if value is not None))
    interval = f", {INTERVAL} {format_interval(metric, found)}" if found.interval else ""
    return f"{metric} {format_statistic(metric, found, runs)}{interval}"
