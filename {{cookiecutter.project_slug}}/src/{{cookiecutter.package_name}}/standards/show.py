"""The table on a terminal, as JSON, and as Markdown for a pull request."""

import io
import json
import sys

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


def print_table(stage: str, lines: list[Line]) -> None:
    """Print the table, then each finding with its place."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that has no signs still gets the rest
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 160  # a pipe or a log file has no width of its own
    table = Table("", "topic", "", "checked", "more", title=f"Code style at the stage {stage}", title_justify="left")
    for line in lines:
        colour = "green" if line.answer.met else "red" if line.fails else "yellow"
        sign = Text(f"{SIGNS[line.status]} {line.status}", style=colour)
        table.add_row(line.level, line.topic.title, sign, line.answer.checked, line.topic.page)
    console.print(table)
    for line in lines:
        findings = line.answer.findings
        shown = [str(finding) for finding in findings[:LONGEST_LIST]]
        if len(findings) > LONGEST_LIST:
            shown.append(f"… {len(findings) - LONGEST_LIST} more, see codestyle --topic {line.topic.name} --json")
        for text in [*([line.answer.obstacle] if line.answer.obstacle else []), *shown]:
            console.print(Text(f"{line.level} {line.topic.name}: {text}"), soft_wrap=True)
    skipped = [topic.name for topic in TOPICS if topic.level(stage) == SLOWS]
    if skipped:
        console.print(Text(f"{SLOWS} not yet: {', '.join(skipped)}"), soft_wrap=True)
    console.print(Text(summary(stage, lines)), soft_wrap=True)
