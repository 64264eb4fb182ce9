"""What every view of a report shows: the runs grouped by their settings, and the best setting on validation data."""

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from .direction import higher_is_better, without_stage
from .reference import NO_REFERENCE, Reference
from .spelling import numbers_first
from .statistics import Statistic, summarize
from .summaries import FOLD, PRUNED, UNFINISHED, ReportedRun, RunsFound

FIRST_COLUMNS = ("model", "data")
WHICH_DATA = ("data", "data.path", "data.test_path", "data.nodes", "data.edges", "data.target")
DEFAULT = "default"  # shown where a run leaves alone what another run overrides


@dataclass(frozen=True)
class Row:
    """The runs that share one setting: they differ in seed and fold only, and in what they were not grouped by."""

    settings: dict[str, str]
    runs: tuple[ReportedRun, ...]

    @cached_property
    def by_status(self) -> dict[str, list[ReportedRun]]:
        """The runs of each status that any has."""
        found: dict[str, list[ReportedRun]] = {}
        for run in self.runs:
            found.setdefault(run.status, []).append(run)
        return found

    def with_status(self, status: str) -> list[ReportedRun]:
        return self.by_status.get(status, [])

    @cached_property
    def folds(self) -> set[int]:
        """The folds of a cross-validation that have a completed run."""
        return {run.fold for run in self.with_status("completed") if run.fold is not None}

    def statistic(self, metric: str) -> Statistic:
        """Over the completed runs that have the metric."""
        completed = self.with_status("completed")
        return summarize(tuple(run.metrics[metric] for run in completed if metric in run.metrics))


@dataclass(frozen=True)
class Results:
    """The runs found, the metrics asked for, the settings to group by (all that differ, if none), a reference."""

    found: RunsFound
    metrics: list[str]
    reference: Reference = NO_REFERENCE
    group_by: list[str] = field(default_factory=list)

    @cached_property
    def runs(self) -> list[ReportedRun]:
        """All runs whose settings are known, those without a summary too."""
        return [*self.found.runs, *(run for run in self.found.unfinished if run.settings)]

    @cached_property
    def settings(self) -> list[str]:
        """The settings that tell the rows apart: one column each."""
        return self.group_by or varying_settings(self.runs)

    @cached_property
    def rows(self) -> list[Row]:
        """In the order of the reference file where it knows them, then by value."""
        rows = group_by_setting(self.runs, self.settings)
        return sorted(rows, key=lambda row: self.reference.position(row.settings))

    @cached_property
    def floors(self) -> dict[str, str]:
        """The metric of a naive model beside each metric, where any run measured it: what all others have to beat."""
        from ..metrics.metric_names import naive_name  # here, as all metrics come with it: half of the start of `runs`

        names = {metric: naive_name(metric) for metric in self.metrics}
        wanted = {metric: floor for metric, floor in names.items() if floor not in self.metrics}
        measured = {name for run in self.found.runs if run.status == "completed" for name in run.metrics}
        return {metric: floor for metric, floor in wanted.items() if floor in measured}

    @cached_property
    def with_interval(self) -> set[str]:
        """The metrics that have an interval in any row."""
        return {metric for metric in self.metrics if any(row.statistic(metric).interval for row in self.rows)}

    @cached_property
    def counted(self) -> dict[str, tuple[str, ...]]:
        """The columns that count runs without a result, and the statuses that each counts; the rarer ones if needed."""
        there = {run.status for run in self.runs}
        rare = {status: (status,) for status in (PRUNED, UNFINISHED) if status in there}
        return {"failed or interrupted": ("failed", "interrupted"), **rare}

    @cached_property
    def averaged_over(self) -> list[str]:
        """The settings that differ within a row, which is then a mean over more than seeds."""
        return [key for key in varying_settings(self.runs) if key not in self.settings] if self.group_by else []

    @cached_property
    def best(self) -> list[Row]:
        """The best row of each data set by the mean of `validation`; test data never choose.

        Empty where no run has that metric, where its direction is not known, where no row has all folds that others
        have, or where there is nothing to choose from.
        """
        best: dict[str, Row] = {}
        is_choice = len(self.rows) > 1 and self.direction is not None
        for row in self.ranked if is_choice else []:
            mean = row.statistic(self.validation).mean
            if mean is not None and math.isfinite(mean) and self.has_all_folds(row):
                best.setdefault(self.data_of(row), row)
        return [row for row in self.rows if any(row is other for other in best.values())]

    def data_of(self, row: Row) -> str:
        """What a row predicts, where rows differ in that: figures of different data or targets do not compare."""
        told = [key for key in WHICH_DATA if key in self.settings]
        return " ".join(row.settings[key] if key == "data" else f"{key}={row.settings[key]}" for key in told)

    def has_all_folds(self, row: Row) -> bool:
        """Whether a row has every fold that another one on its data has: some folds are easier than others."""
        return row.folds >= self.folds[self.data_of(row)]

    @cached_property
    def folds(self) -> dict[str, set[int]]:
        """For each data set the folds that some row has completed."""
        folds: dict[str, set[int]] = {}
        for row in self.rows:
            folds.setdefault(self.data_of(row), set()).update(row.folds)
        return folds

    @cached_property
    def ranked(self) -> list[Row]:
        """The rows from the best to the worst by the mean of `validation`, those without one last.

        In the order of the table where it is not known what is better.
        """
        if self.direction is None:
            return self.rows
        sign = -1 if self.direction else 1

        def key(row: Row) -> float:
            mean = row.statistic(self.validation).mean
            return math.inf if mean is None or not math.isfinite(mean) else sign * mean

        return sorted(self.rows, key=key)

    def is_best(self, row: Row) -> bool:
        return any(row is best for best in self.best)

    @property
    def validation(self) -> str:
        """The metric that chooses: that of the validation data, of the first metric asked for."""
        return f"val/{without_stage(self.metrics[0])}"

    @cached_property
    def direction(self) -> bool | None:
        """Whether a higher value of `validation` is better; None where that is not known."""
        return higher_is_better(self.validation, self.found.runs)

    @cached_property
    def note_numbers(self) -> dict[str, int]:
        """The reference's notes on the rows shown, numbered from 1; equal notes share a number."""
        notes = (self.reference.entry(row.settings).get("note") for row in self.rows)
        return {note: i for i, note in enumerate(dict.fromkeys(filter(None, notes)), start=1)}

    @cached_property
    def repeated(self) -> list[tuple[dict[str, str], str, int]]:
        """Settings, seed and fold, and number of the completed runs that repeat each other."""
        groups = group_by_setting(self.found.runs, varying_settings(self.found.runs))
        counts = [(row, Counter((run.seed, run.fold) for run in row.with_status("completed"))) for row in groups]
        return [
            (row.settings, f"seed={seed}" + ("" if fold is None else f" {FOLD}={fold}"), n)
            for row, pairs in counts
            for (seed, fold), n in pairs.items()
            if seed is not None and n > 1
        ]


def setting(run: ReportedRun, key: str) -> str:
    """The value of a setting as text; seed and fold are settings too where someone groups or filters by them."""
    if key in ("seed", FOLD):
        return str(run.seed if key == "seed" else run.fold)
    return run.settings.get(key, DEFAULT)


def fold_name(seed: int | None, *folds: int | None) -> str:
    """`fold 3 of seed 1`, `seed 1` for a run that is no part of a cross-validation."""
    of = "" if seed is None else f"seed {seed}"
    named = ", ".join(str(fold) for fold in folds if fold is not None)
    return " of ".join(filter(None, [named and f"fold {named}", of]))


# Where nobody typed one, the file of a model may have: then the model alone tells the rows apart.
CHOSEN_BY_A_MODEL = {"optimizer", "scheduler"}


def varying_settings(runs: list[ReportedRun]) -> list[str]:
    """The settings that differ between runs: model, data, other config groups, then the rest."""
    keys = {key for run in runs for key in run.settings}
    varying = {key for key in keys if len({run.settings.get(key) for run in runs}) > 1}
    for key in CHOSEN_BY_A_MODEL & varying:
        models = {(run.settings.get("model"), run.settings.get(key)) for run in runs}
        if not any(key in run.typed for run in runs) and len(models) == len({model for model, _ in models}):
            varying.remove(key)
    # Without any difference there is one row, which still has to say what it is.
    columns = varying or keys.intersection(FIRST_COLUMNS)
    first = [key for key in FIRST_COLUMNS if key in columns]
    return first + sorted(columns - set(first), key=lambda key: ("." in key, key))


def group_by_setting(runs: list[ReportedRun], columns: list[str]) -> list[Row]:
    """One row per distinct combination of `columns`: by data, then by the columns in order."""
    groups: dict[tuple[str, ...], list[ReportedRun]] = {}
    for run in runs:
        groups.setdefault(tuple(setting(run, column) for column in columns), []).append(run)
    order = sorted(columns, key=lambda column: column != "data")
    rows = [
        Row(members[0].settings | dict(zip(columns, values, strict=True)), tuple(members))
        for values, members in groups.items()
    ]
    return sorted(rows, key=lambda row: [numbers_first(row.settings[key]) for key in order])
