"""The results table as text: for the terminal, as CSV and as Markdown."""

import csv
import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

from .results import Results, Row
from .statistics import Statistic
from .summaries import PRUNED, UNFINISHED

if TYPE_CHECKING:
    from rich.table import Table

# Metrics without a unit, between 0 and 1 where a model is any good: three decimals say enough.
FRACTIONS = {"accuracy", "balanced_accuracy", "f1", "auroc", "average_precision", "coverage", "r2"}
FRACTIONS |= {f"naive_{name}" for name in FRACTIONS}
INTERVAL = "95 % interval"


def is_fraction(metric: str, value: float) -> bool:
    """Whether decimals say enough; the r2 of a run that diverged may be anything."""
    return metric.rpartition("/")[2] in FRACTIONS and abs(value) < 10


def format_number(metric: str, value: float, digits: int) -> str:
    """Three decimals for a fraction, else `digits` significant ones, and whole numbers up to ten million in full."""
    if is_fraction(metric, value):
        return f"{value:z.3f}"
    return f"{value:.0f}" if 10**digits <= abs(value) < 1e7 else f"{value:.{digits}g}"


def format_statistic(metric: str, statistic: Statistic, runs: int) -> str:
    """`0.650 ± 0.012`; says so where only some of the completed runs have the metric."""
    if statistic.mean is None:
        return ""
    text = format_number(metric, statistic.mean, digits=4)
    if statistic.std is not None:
        text += f" ± {format_number(metric, statistic.std, digits=2)}"
    return text if statistic.count == runs else f"{text} ({statistic.count} of {runs} runs)"


def format_interval(metric: str, statistic: Statistic) -> str:
    if statistic.interval is None:
        return ""
    return "[{}, {}]".format(*(format_number(metric, end, digits=4) for end in statistic.interval))


def settings_text(results: Results, settings: dict[str, str]) -> str:
    """`model=mlp optimizer.lr=0.1`: the settings that the columns show."""
    return " ".join(f"{key}={settings[key]}" for key in results.settings)


def columns(results: Results) -> list[tuple[str, str]]:
    """The name of each column, and the metric that it belongs to, if any; intervals only where there is one."""
    found = [(name, "") for name in (*results.settings, "runs")]
    for metric in results.metrics:
        found.append((metric, metric))
        if metric in results.with_interval:
            found.append((INTERVAL, metric))
        if metric in results.floors:
            found.append((results.floors[metric], metric))
    return found + [(name, "") for name in (*results.reference.columns, *results.counted)]


def header(results: Results) -> list[str]:
    return [name for name, _ in columns(results)]


def cells(results: Results, row: Row) -> list[str]:
    """One line of the table as it is read by people; `csv_text` has the full precision."""
    runs = len(row.with_status("completed"))
    line = [*(row.settings[key] for key in results.settings), str(runs)]
    for metric in results.metrics:
        statistic = row.statistic(metric)
        line.append(format_statistic(metric, statistic, runs))
        if metric in results.with_interval:
            line.append(format_interval(metric, statistic))
        if floor := results.floors.get(metric):
            line.append(format_statistic(floor, row.statistic(floor), runs))
    entry = results.reference.entry(row.settings)
    figures = [entry.get(column, "") for column in results.reference.columns]
    if entry.get("note"):
        figures[0] = f"{figures[0]} [{results.note_numbers[entry['note']]}]".strip()
    counts = [sum(len(row.with_status(status)) for status in kinds) for kinds in results.counted.values()]
    return [*line, *figures, *map(str, counts)]


def csv_text(results: Results) -> str:
    """All digits, mean, standard deviation and interval in columns of their own, counts always filled."""
    columns = [f"{name}_{part}" for name in results.metrics for part in ("mean", "std", "low", "high")]
    floors = list(results.floors.values())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    counts = ("failed", "interrupted", PRUNED, UNFINISHED)
    writer.writerow([*results.settings, "runs", *columns, *floors, *results.reference.columns, *counts])
    for row in results.rows:
        statistics = [row.statistic(name) for name in results.metrics]
        entry = results.reference.entry(row.settings)
        writer.writerow(
            [
                *(row.settings[key] for key in results.settings),
                len(row.with_status("completed")),
                *(value for s in statistics for value in (s.mean, s.std, *(s.interval or (None, None)))),
                *(row.statistic(floor).mean for floor in floors),
                *(entry.get(column, "") for column in results.reference.columns),
                *(len(row.with_status(status)) for status in counts),
            ]
        )
    return text.getvalue()


def markdown_text(results: Results, paragraphs: list[str]) -> str:
    names = header(results)
    text_columns = len(results.settings)
    rule = ["---"] * text_columns + ["---:"] * (len(names) - text_columns)
    lines = [names, rule, *(cells(results, row) for row in results.rows)]
    table = ["| " + " | ".join(escape(cell) for cell in line) + " |" for line in lines]
    text = "".join(("" if line.startswith("- ") else "\n") + escape(line) + "\n" for line in paragraphs)
    return "\n".join(table) + "\n" + text


def listed(items: Iterable[str], what: str) -> list[str]:
    """A list for below the table, under how many there are of what; nothing where there are none."""
    texts = [f"- {item}" for item in items]
    return [f"{len(texts)} {what}:", *texts] if texts else []


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
