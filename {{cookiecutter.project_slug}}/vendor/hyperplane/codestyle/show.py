"""The table on a terminal, as JSON, and as Markdown for a pull request."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from .answers import Line
from .table import MUST, SLOWS, TOPICS

LONGEST_LIST = 5  # findings of one topic on the terminal
SIGNS = {"met": "✓", "not met": "✗", "not checked": "?"}


def as_json(stage: str, lines: list[Line]) -> str:
    """Return everything, for other programs."""
    topics = [
        {
            "topic": line.topic.name,
            "level": line.level,
            "status": line.status,
            "checked": line.answer.checked,
            "obstacle": line.answer.obstacle or None,
            "findings": [finding._asdict() for finding in line.answer.findings],
            "page": line.topic.page,
        }
        for line in lines
    ]
    passed = not any(line.fails for line in lines)
    return json.dumps({"stage": stage, "passed": passed, "topics": topics}, indent=2, ensure_ascii=False)


def as_markdown(stage: str, lines: list[Line]) -> str:
    """Return a table and the findings under it."""
    rows = [
        f"| {line.level} | [{line.topic.title}]({line.topic.page}) | {SIGNS[line.status]} {line.status} "
        f"| {line.answer.checked} |"
        for line in lines
    ]
    table = ["| | topic | | checked |", "|---|---|---|---|", *rows]
    details = [
        f"- {line.level} **{line.topic.title}**: {text}"
        for line in lines
        for text in [line.answer.obstacle, *(f"`{f.path}:{f.line}` {f.message}" for f in line.answer.findings)]
        if text
    ]
    return "\n".join([f"## Code style: {summary(stage, lines)}", "", *table, *([""] if details else []), *details])


def summary(stage: str, lines: list[Line]) -> str:
    """Say in one line how the project stands."""
    must = [line.topic.name for line in lines if line.fails]
    could = [line.topic.name for line in lines if not line.answer.met and line.level != MUST]
    parts = [f"stage {stage}, {len(lines)} topics checked, {sum(line.answer.met for line in lines)} met"]
    parts += [f"must change: {', '.join(must)}"] if must else []
    parts += [f"could be better: {', '.join(could)}"] if could else []
    return "; ".join(parts)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """On a terminal, show what is being checked: types and tests take a while."""
    from rich.console import Console

    with Console(stderr=True).status("…") as status:
        yield lambda title: status.update(f"{title} …")


def print_table(stage: str, lines: list[Line], names: Sequence[str] = ()) -> None:
    """Print the table, then each finding with its place, and the pages that say what to do instead."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 160  # a pipe or a log file has no width of its own
    table = Table("", "topic", "", "checked", box=None, padding=(0, 2, 0, 0))
    for line in lines:
        colour = "green" if line.answer.met else "red" if line.fails else "yellow"
        sign = Text(f"{SIGNS[line.status]} {line.status}", style=colour)
        table.add_row(line.level, line.topic.title, sign, line.answer.checked)
    console.print(table)
    for line in lines:
        for text in details(stage, line):
            console.print(text, soft_wrap=True)
    skipped = [topic.name for topic in TOPICS if topic.level(stage) == SLOWS and (not names or topic.name in names)]
    if skipped:
        console.print(f"{SLOWS} not yet: {', '.join(skipped)}", soft_wrap=True)
    console.print(summary(stage, lines), soft_wrap=True)


def details(stage: str, line: Line) -> Iterator[str]:
    """Yield what is not met of one topic, and where to read on."""
    if line.answer.met:
        return
    yield f"{line.level} {line.topic.name}, see {line.topic.page}"
    if line.answer.obstacle:
        yield f"   {line.answer.obstacle}"
    findings = line.answer.findings
    yield from (f"   {finding}" for finding in findings[:LONGEST_LIST])
    if len(findings) > LONGEST_LIST:
        yield f"   … {len(findings) - LONGEST_LIST} more: codestyle --stage {stage} --topic {line.topic.name} --json"
