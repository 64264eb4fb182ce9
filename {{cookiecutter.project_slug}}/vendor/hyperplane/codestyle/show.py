"""The table on a terminal, as JSON, and as Markdown for a pull request."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .results import Row
from .table import MUST, SLOWS, TOPICS

LONGEST_LIST = 5  # findings of one topic on the terminal
SIGNS = {"met": "✓", "not met": "✗", "not checked": "?"}


def as_json(stage: str, rows: list[Row]) -> str:
    """Return everything, for other programs."""
    topics = [
        {
            "topic": row.topic.name,
            "level": row.level,
            "status": row.status,
            "checked": row.result.checked,
            "obstacle": row.result.obstacle or None,
            "findings": [finding._asdict() for finding in row.result.findings],
            "page": row.topic.page,
        }
        for row in rows
    ]
    passed = not any(row.fails for row in rows)
    return json.dumps({"stage": stage, "passed": passed, "topics": topics}, indent=2, ensure_ascii=False)


def as_markdown(stage: str, rows: list[Row]) -> str:
    """Return a table and the findings under it."""
    table = [
        f"| {row.level} | [{row.topic.title}]({row.topic.page}) | {SIGNS[row.status]} {row.status} "
        f"| {row.result.checked} |"
        for row in rows
    ]
    details = [
        f"- {row.level} **{row.topic.title}**: {text}"
        for row in rows
        for text in [row.result.obstacle, *(f"`{f.path}:{f.line}` {f.message}" for f in row.result.findings)]
        if text
    ]
    head = [f"## Code style: {summary(stage, rows)}", "", "| | topic | | checked |", "|---|---|---|---|"]
    return "\n".join([*head, *table, *([""] if details else []), *details])


def summary(stage: str, rows: list[Row]) -> str:
    """Say in one line how the project stands."""
    must = [row.topic.name for row in rows if row.fails]
    could = [row.topic.name for row in rows if not row.result.met and row.level != MUST]
    parts = [f"stage {stage}, {len(rows)} topics checked, {sum(row.result.met for row in rows)} met"]
    parts += [f"must change: {', '.join(must)}"] if must else []
    parts += [f"could be better: {', '.join(could)}"] if could else []
    return "; ".join(parts)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """On a terminal, show what is being checked: types and tests take a while."""
    from rich.console import Console

    with Console(stderr=True).status("…") as status:
        yield lambda title: status.update(f"{title} …")


def print_table(stage: str, rows: list[Row], names: Sequence[str] = ()) -> None:
    """Print the table, then each finding with its place, and the pages that say what to do instead."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 160  # a pipe or a log file has no width of its own
    table = Table("", "topic", "", "checked", box=None, padding=(0, 2, 0, 0))
    for row in rows:
        colour = "green" if row.result.met else "red" if row.fails else "yellow"
        sign = Text(f"{SIGNS[row.status]} {row.status}", style=colour)
        table.add_row(row.level, row.topic.title, sign, row.result.checked)
    console.print(table)
    for row in rows:
        for text in details(stage, row):
            console.print(text, soft_wrap=True)
    skipped = [topic.name for topic in TOPICS if topic.level(stage) == SLOWS and (not names or topic.name in names)]
    if skipped:
        console.print(f"{SLOWS} not yet: {', '.join(skipped)}", soft_wrap=True)
    console.print(summary(stage, rows), soft_wrap=True)


def details(stage: str, row: Row) -> Iterator[str]:
    """Yield what is not met of one topic, and where to read on."""
    if row.result.met:
        return
    yield f"{row.level} {row.topic.name}, see {row.topic.page}"
    if row.result.obstacle:
        yield f"   {row.result.obstacle}"
    findings = row.result.findings
    yield from (f"   {finding}" for finding in findings[:LONGEST_LIST])
    if len(findings) > LONGEST_LIST:
        yield f"   … {len(findings) - LONGEST_LIST} more: codestyle --stage {stage} --topic {row.topic.name} --json"
