"""One stage up: a few values of pyproject.toml change, and nothing else in it. The Makefile and CI read the stage."""

import re
import tomllib
from collections.abc import Iterable
from typing import Any

from ..errors import UserError
from .table import ADDED_RULES, COVERAGE, STAGES, STRICTER

Names = tuple[str, ...]  # of a table: ("tool", "mypy")


def next_stage(stage: str) -> str:
    """Return the stage after this one; raises UserError at the last."""
    if stage == STAGES[-1]:
        raise UserError(f"this project is at {stage}, the last stage: there is nothing to promote to")
    return STAGES[STAGES.index(stage) + 1]


def promoted(text: str, stage: str) -> str:
    """Return the text of a pyproject.toml as the stage `stage` has it: comments and all other values stay."""
    text = with_value(text, ("tool", "hyperplane"), "stage", f'"{stage}"')
    text = with_rules(text, stage)
    reached = STAGES[: STAGES.index(stage) + 1]
    if "product" in reached:
        for key in ("strict", "disallow_untyped_defs"):
            if value(text, ("tool", "mypy"), key) is not True:
                text = with_value(text, ("tool", "mypy"), key, "true")
    report = ("tool", "coverage", "report")
    if "deployment" in reached and (value(text, report, "fail_under") or 0) < COVERAGE:
        text = with_value(text, report, "fail_under", str(COVERAGE))
    return text


def stricter(stage: str) -> list[str]:
    """Say what a stage made stricter."""
    return [f"ruff checks {', '.join(ADDED_RULES[stage])} too, in make lint and before each commit.", *STRICTER[stage]]


def with_rules(text: str, stage: str) -> str:
    """Add to ruff's selection what it lacks of each stage up to this one."""
    table = ("tool", "ruff", "lint")
    for reached in STAGES[: STAGES.index(stage) + 1]:
        chosen = [*(value(text, table, "select") or ()), *(value(text, table, "extend-select") or ())]
        missing = [rule for rule in ADDED_RULES[reached] if not covered(rule, chosen)]
        if missing:
            key = "select" if value(text, table, "select") is not None else "extend-select"
            text = with_items(text, table, key, missing, f"From the stage {reached} on.")
    return text


def covered(rule: str, chosen: Iterable[str]) -> bool:
    return any(have == "ALL" or rule.startswith(have) for have in chosen)


def with_items(text: str, table: Names, key: str, items: list[str], comment: str) -> str:
    """Return the text with more words in a list, before its closing bracket."""
    words = ", ".join(f'"{item}"' for item in items)
    have = value(text, table, key)
    if have is None:
        return with_value(text, table, key, f"[{words}]")
    start, end = span(text, table)
    opened = re.compile(rf"^{re.escape(key)}\s*=\s*\[", re.MULTILINE).search(text, start, end)
    wanted = changed(text, table, key, [*have, *items])
    # A bracket may also stand in a comment or a word: the right one gives the right list.
    # The last item may lack its comma.
    for bracket in re.compile(r"\]").finditer(text, opened.end() if opened else end, end):
        at = bracket.start()
        line_start = text.rfind("\n", 0, at) + 1
        newline = "\r\n" if text[:line_start].endswith("\r\n") else "\n"
        for comma in ("", ", "):
            if text[line_start:at].strip():  # all on one line
                candidate = f"{text[:at].rstrip()}{comma or ' '}{words}{text[at:]}"
            else:
                added = f"  # {comment}{newline}  {comma}{words},{newline}"
                candidate = text[:line_start] + added + text[line_start:]
            if parsed(candidate) == wanted:
                return candidate
    raise by_hand(table, key, f"more words: {words}")


def with_value(text: str, table: Names, key: str, literal: str) -> str:
    """Return the text with one value changed, in its place; or added to its table, or with a new table at the end."""
    new = tomllib.loads(f"x = {literal}")["x"]
    wanted = changed(text, table, key, new)
    newline = "\r\n" if "\r\n" in text else "\n"
    start, end = span(text, table)
    line = re.compile(rf"^({re.escape(key)}[ \t]*=[ \t]*)(\"[^\"\r\n]*\"|[\w.]+)", re.MULTILINE).search(
        text, start, end
    )
    if line:
        candidate = f"{text[: line.start()]}{line[1]}{literal}{text[line.end() :]}"
    elif start < end:
        candidate = f"{text[:start].rstrip()}{newline}{key} = {literal}{newline}{text[start:].removeprefix(newline)}"
    else:
        candidate = f"{text.rstrip()}{newline}{newline}[{'.'.join(table)}]{newline}{key} = {literal}{newline}"
    if parsed(candidate) != wanted:
        raise by_hand(table, key, literal)
    return candidate


def span(text: str, table: Names) -> tuple[int, int]:
    """Return where the lines of a table start and end in the text; both the end of the text if it is not there."""
    header = re.compile(rf"^\[{re.escape('.'.join(table))}\][^\n]*", re.MULTILINE).search(text)
    if header is None:
        return len(text), len(text)
    following = re.compile(r"^\[", re.MULTILINE).search(text, header.end())
    return header.end(), following.start() if following else len(text)


def value(text: str, table: Names, key: str) -> Any:
    """Return a value of a TOML text, or None."""
    found: Any = tomllib.loads(text)
    for name in (*table, key):
        found = found.get(name) if isinstance(found, dict) else None
    return found


def changed(text: str, table: Names, key: str, new: Any) -> dict[str, Any]:
    """Return what a TOML text should hold after one change."""
    whole = tomllib.loads(text)
    inner = whole
    for name in table:
        inner = inner.setdefault(name, {})
    inner[key] = new
    return whole


def parsed(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def by_hand(table: Names, key: str, literal: str) -> UserError:
    return UserError(
        f"pyproject.toml is written in a way that this command cannot edit safely, and was left as it is. "
        f"Give {key} in [{'.'.join(table)}] {literal}, then try again."
    )
