"""The results table as text: for the terminal, as CSV and as Markdown."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from .reference import Reference
from .summaries import Row, RunsFound, Statistic, group_by_setting, varying_settings

if TYPE_CHECKING:
    from rich.table import Table

# Metrics without a unit, between 0 and 1 where a model is any good: three decimals say enough.
FRACTIONS = {"accuracy", "r2"}


@dataclass(frozen=True)
class Results:
    """What every view of a report shows: the runs found, the metrics asked for, a reference."""

    found: RunsFound
    metrics: list[str]
    reference: Reference | None = None

    @cached_property
    def settings(self) -> list[str]:
        """The settings that differ between the runs: one column each."""
        return varying_settings(self.found.runs)

    @cached_property
    def rows(self) -> list[Row]:
        """In the order of the reference file where it knows them, then by value."""
        rows = group_by_setting(self.found.runs, self.settings)
        reference = self.reference
        if reference is None:
            return rows
        return sorted(rows, key=lambda row: reference.position(row.settings))

    @property
    def reference_columns(self) -> tuple[str, ...]:
        return self.reference.columns if self.reference else ()

    def reference_entry(self, row: Row) -> dict[str, str]:
        return self.reference.entry(row.settings) if self.reference else {}

    @cached_property
    def note_numbers(self) -> dict[str, int]:
        """The reference's notes on the rows shown, numbered from 1; equal notes share a number."""
        notes = (self.reference_entry(row).get("note") for row in self.rows)
        return {note: i for i, note in enumerate(dict.fromkeys(filter(None, notes)), start=1)}


def format_number(metric: str, value: float, digits: int) -> str:
    """Three decimals for a fraction, else `digits` significant ones."""
    return f"{value:.3f}" if metric.rpartition("/")[2] in FRACTIONS else f"{value:.{digits}g}"


def format_statistic(metric: str, statistic: Statistic, runs: int) -> str:
    """`0.650 ± 0.012`; says so where only some of the completed runs have the metric."""
    if statistic.mean is None:
        return ""
    text = format_number(metric, statistic.mean, digits=4)
    if statistic.std is not None:
        text += f" ± {format_number(metric, statistic.std, digits=2)}"
    return text if statistic.count == runs else f"{text} ({statistic.count} of {runs} runs)"


def header(results: Results) -> list[str]:
    columns = [*results.settings, "runs", *results.metrics, *results.reference_columns]
    return [*columns, "failed or interrupted"]


def cells(results: Results, row: Row) -> list[str]:
    """One line of the table as it is read by people; `csv_text` has the full precision."""
    runs = len(row.with_status("completed"))
    entry = results.reference_entry(row)
    figures = [entry.get(column, "") for column in results.reference_columns]
    if entry.get("note"):
        figures[0] = f"{figures[0]} [{results.note_numbers[entry['note']]}]".strip()
    return [
        *(row.settings[key] for key in results.settings),
        str(runs),
        *(format_statistic(name, row.statistic(name), runs) for name in results.metrics),
        *figures,
        str(len(row.runs) - runs),
    ]


def notes(results: Results) -> list[str]:
    """What stands under the table, a paragraph each; the items of a list start with `- `."""
    lines = ["Mean ± sample standard deviation over the completed runs of each setting."]
    found = results.found
    same = {key: value for key, value in found.runs[0].settings.items() if key not in results.settings}
    if same:
        lines.append("The same in every run: " + " ".join(f"{k}={v}" for k, v in same.items()))
    lines += [f"[{number}] {note}" for note, number in results.note_numbers.items()]
    if results.reference:
        lines.append(describe_reference(results, results.reference))
    repeated = [text for row in results.rows for text in repeated_seeds(results, row)]
    lines += listed(repeated, "counted more than once: the same seed with the same settings")
    lines += listed(
        [
            f"{run.folder} ({run.status}): {run.error or 'no message'}"
            for run in found.runs
            if run.status != "completed"
        ],
        "failed or interrupted",
    )
    lines += listed(map(str, found.unfinished), "still running, or killed (no summary.json)")
    lines += listed((f"{path}: {reason}" for path, reason in found.unreadable), "left out, cannot be read")
    return lines


def describe_reference(results: Results, reference: Reference) -> str:
    text = f"{', '.join(reference.columns)}: from {reference.path.name}"
    if not any(map(results.reference_entry, results.rows)):
        text += f", which has no line for these runs (it goes by {', '.join(reference.keys)})"
    return ". Source: ".join([text, *filter(None, ["; ".join(reference.sources)])])


def repeated_seeds(results: Results, row: Row) -> list[str]:
    seeds = Counter(run.seed for run in row.with_status("completed") if run.seed is not None)
    where = " ".join(f"{key}={row.settings[key]}" for key in results.settings)
    return [f"{where} seed={seed}: {n} runs" for seed, n in seeds.items() if n > 1]


def listed(items: Iterable[str], what: str) -> list[str]:
    texts = [f"- {item}" for item in items]
    return [f"{len(texts)} {what}:", *texts] if texts else []


def csv_text(results: Results) -> str:
    """All digits, mean and standard deviation in columns of their own, counts always filled."""
    columns = [f"{name}_{part}" for name in results.metrics for part in ("mean", "std")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    counts = ("failed", "interrupted")
    writer.writerow([*results.settings, "runs", *columns, *results.reference_columns, *counts])
    for row in results.rows:
        statistics = [row.statistic(name) for name in results.metrics]
        entry = results.reference_entry(row)
        writer.writerow(
            [
                *(row.settings[key] for key in results.settings),
                len(row.with_status("completed")),
                *(value for s in statistics for value in (s.mean, s.std)),
                *(entry.get(column, "") for column in results.reference_columns),
                *(len(row.with_status(status)) for status in counts),
            ]
        )
    return text.getvalue()


def markdown_text(results: Results) -> str:
    names = header(results)
    text_columns = len(results.settings)
    rule = ["---"] * text_columns + ["---:"] * (len(names) - text_columns)
    lines = [names, rule, *(cells(results, row) for row in results.rows)]
    table = ["| " + " | ".join(escape(cell) for cell in line) + " |" for line in lines]
    paragraphs = "".join(("" if line.startswith("- ") else "\n") + escape(line) + "\n" for line in notes(results))
    return "\n".join(table) + "\n" + paragraphs


def escape(text: str) -> str:
    """Keep Markdown from reading error messages and settings as markup."""
    return re.sub(r"([\\`*<|])", r"\\\1", text)


def terminal_table(results: Results, narrow: bool) -> "Table":
    """`narrow` breaks long column names, between words rather than anywhere."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = header(results)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for i, name in enumerate(names):
        title = re.sub(r"(.{4,11}(?:[_/.]|(?= )))(?=.) ?", r"\1\n", name) if narrow else name
        justify: Literal["left", "right"] = "left" if i < len(results.settings) else "right"
        table.add_column(Text(title), justify=justify, overflow="fold")
    for row in results.rows:
        table.add_row(*map(Text, cells(results, row)))
    return table
