"""Checks by tools: ruff for most topics, mypy for types."""

import ast
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from .codebase import Codebase
from .results import Finding, Result
from .table import STAGES, TOPICS, rules_at

NOT_INSTALLED = "{} is not installed in this environment: make setup"
UNFORMATTED = "unformatted"  # how ruff names, among its rules, a file that it would format


def check_rules(code: Codebase, stage: str, name: str) -> Result:
    """Find what ruff says against the rules of one topic."""
    rules = next(topic.rules for topic in TOPICS if topic.name == name)
    return check_by_ruff(code, stage, f"ruff: {', '.join(rules)}", lambda rule: rule.startswith(rules))


def check_privacy(code: Codebase, stage: str) -> Result:
    """Find private names that are used (ruff) or imported from outside."""
    used = check_rules(code, stage, "encapsulation")
    allowed = code.table("tool", "ruff", "lint", "flake8-self").get("extend-ignore-names", ())
    imported = [
        Finding(source.path, node.lineno, f"{alias.name} is private to {node.module or 'its module'}")
        for source in code.sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if re.match("_[^_]", alias.name) and alias.name not in allowed
    ]
    return replace(used, checked=f"{used.checked}; imports of private names", findings=used.findings + imported)


def check_linting(code: Codebase, stage: str) -> Result:
    """Find what ruff says against the rules that belong to no other topic, and files that it would format."""
    elsewhere = tuple(rule for topic in TOPICS for rule in topic.rules)
    checked = f"ruff: {', '.join(rule for rule in rules_at(stage) if rule not in elsewhere)}; ruff format"
    return check_by_ruff(code, stage, checked, lambda rule: not rule.startswith(elsewhere))


def check_by_ruff(code: Codebase, stage: str, checked: str, belongs: Callable[[str], bool]) -> Result:
    """Find what ruff says against the rules that `belongs` is true of."""
    diagnostics = ruff(code, stage)
    if diagnostics is None:
        return Result(checked, obstacle=NOT_INSTALLED.format("ruff"))
    return Result(checked, [finding for rule, finding in diagnostics if belongs(rule)])


@cache
def ruff(code: Codebase, stage: str) -> list[tuple[str, Finding]] | None:
    """Return each diagnostic with its rule: the project's own selection, what the stage adds, and all topics' rules."""
    wanted = dict.fromkeys([*rules_at(stage), *(rule for topic in TOPICS for rule in topic.rules)])
    options = ["--extend-select", ",".join(wanted), "--exit-zero", "--no-fix"]
    # Said again, since a family on the command line overrules what pyproject.toml ignores of it.
    lint = code.table("tool", "ruff", "lint")
    ignored = [*lint.get("ignore", ()), *lint.get("extend-ignore", ())]
    options += ["--ignore", ",".join(ignored)] if ignored else []
    shared = ("--output-format", "json", "--quiet")
    done = code.python("ruff", "check", *options, *shared)
    formatted = code.python("ruff", "format", "--check", *shared)
    if done is None or formatted is None:
        return None
    if done.returncode:
        return [("", Finding("pyproject.toml", code.line_of("[tool.ruff"), first_line(done.stderr)))]
    found = [diagnostic(code, entry) for entry in json.loads(done.stdout)]
    unformatted = [diagnostic(code, entry) for entry in json.loads(formatted.stdout or "[]")]
    return found + [(rule, finding) for rule, finding in unformatted if rule == UNFORMATTED]


def diagnostic(code: Codebase, entry: dict[str, Any]) -> tuple[str, Finding]:
    rule = entry["code"] or ""
    line = (entry.get("location") or {}).get("row", 1)
    message = "ruff format changes it: make format" if rule == UNFORMATTED else f"{rule} {entry['message']}".strip()
    return rule, Finding(code.relative(entry["filename"]), line, message)


def check_types(code: Codebase, stage: str) -> Result:
    """Find functions without annotations (ruff), and what mypy says, which is strict from the stage product on."""
    checked = "ruff: ANN; mypy"
    annotations = check_rules(code, stage, "type_hints")
    done = code.python("mypy", "--output", "json", "--no-error-summary", "src")
    if annotations.obstacle or done is None:
        return Result(checked, obstacle=annotations.obstacle or NOT_INSTALLED.format("mypy"))
    if done.returncode == 2 and not done.stdout.startswith("{"):
        return Result(checked, obstacle=f"mypy stopped: {first_line(done.stderr or done.stdout)}")
    entries = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    wrong = [
        Finding(code.relative(entry["file"]), max(entry["line"], 1), f"{entry['message']} [{entry['code']}]")
        for entry in entries
        if entry["severity"] == "error"
    ]
    if STAGES.index(stage) >= STAGES.index("product") and not code.table("tool", "mypy").get("strict"):
        wrong.append(Finding("pyproject.toml", code.line_of("[tool.mypy"), "mypy needs strict = true"))
    known = {(finding.path, finding.line) for finding in annotations.findings}  # both see a missing annotation
    return Result(checked, annotations.findings + [finding for finding in wrong if finding[:2] not in known])


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
