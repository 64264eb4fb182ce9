"""Checks by tools: ruff for most topics, mypy for types."""

import ast
import json
import re
from dataclasses import replace
from functools import cache
from typing import Any

from .answers import Answer, Finding
from .project import Project
from .table import STAGES, TOPICS, rules_at

NOT_INSTALLED = "{} is not installed in this environment: make setup"
HUNK = re.compile(r"^@@ -(\d+).*\n((?: .*\n)*)", re.MULTILINE)  # where it starts, and the lines before the first change


def check_rules(project: Project, stage: str, name: str) -> Answer:
    """Find what ruff says against the rules of one topic."""
    topic = next(topic for topic in TOPICS if topic.name == name)
    checked = f"ruff: {', '.join(topic.rules)}"
    diagnostics = ruff(project, stage)
    if diagnostics is None:
        return Answer(checked, obstacle=NOT_INSTALLED.format("ruff"))
    return Answer(checked, [finding for code, finding in diagnostics if code.startswith(topic.rules)])


def check_privacy(project: Project, stage: str) -> Answer:
    """Find private names that are used (ruff) or imported from outside."""
    used = check_rules(project, stage, "encapsulation")
    allowed = project.table("tool", "ruff", "lint", "flake8-self").get("extend-ignore-names", ())
    imported = [
        Finding(source.path, node.lineno, f"{alias.name} is private to {node.module or 'its module'}")
        for source in project.sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if re.match("_[^_]", alias.name) and alias.name not in allowed
    ]
    return replace(used, checked=f"{used.checked}; imports of private names", findings=used.findings + imported)


def check_linting(project: Project, stage: str) -> Answer:
    """Find what ruff says against the rules that belong to no other topic, and files that it would format."""
    elsewhere = tuple(rule for topic in TOPICS for rule in topic.rules)
    checked = f"ruff: {', '.join(rule for rule in rules_at(stage) if rule not in elsewhere)}; ruff format"
    diagnostics = ruff(project, stage)
    if diagnostics is None:
        return Answer(checked, obstacle=NOT_INSTALLED.format("ruff"))
    findings = [finding for code, finding in diagnostics if not code.startswith(elsewhere)]
    return Answer(checked, findings + unformatted(project))


@cache
def ruff(project: Project, stage: str) -> list[tuple[str, Finding]] | None:
    """Return each diagnostic with its code: the project's own selection, what the stage adds, and all topics' rules."""
    wanted = dict.fromkeys([*rules_at(stage), *(rule for topic in TOPICS for rule in topic.rules)])
    options = ["--extend-select", ",".join(wanted), "--output-format", "json", "--exit-zero", "--no-fix", "--quiet"]
    # Said again, since a family on the command line overrules what pyproject.toml ignores of it.
    lint = project.table("tool", "ruff", "lint")
    ignored = [*lint.get("ignore", ()), *lint.get("extend-ignore", ())]
    options += ["--ignore", ",".join(ignored)] if ignored else []
    done = project.python("ruff", "check", *options, ".")
    if done is None:
        return None
    if done.returncode:
        return [("", Finding("pyproject.toml", project.line_of("[tool.ruff"), first_line(done.stderr)))]
    return [diagnostic(project, entry) for entry in json.loads(done.stdout)]


def diagnostic(project: Project, entry: dict[str, Any]) -> tuple[str, Finding]:
    code = entry["code"] or ""  # none where a file does not parse
    path = project.relative(entry["filename"])
    line = (entry.get("location") or {}).get("row", 1)
    return code, Finding(path, line, f"{code} {entry['message']}".strip())


def unformatted(project: Project) -> list[Finding]:
    """Return each file that `ruff format` would change, at the first place."""
    done = project.python("ruff", "format", "--diff", "--quiet", ".")
    if done is None:
        return []
    findings = []
    for part in re.split(r"^--- ", done.stdout, flags=re.MULTILINE)[1:]:
        place = HUNK.search(part)
        line = int(place[1]) + place[2].count("\n") if place else 1
        findings.append(
            Finding(project.relative(part.splitlines()[0].split("\t")[0]), line, "ruff format changes it: make format")
        )
    return findings


def check_types(project: Project, stage: str) -> Answer:
    """Find functions without annotations (ruff), and what mypy says: strictly from the stage product on."""
    strict = STAGES.index(stage) >= STAGES.index("product")
    checked = f"ruff: ANN; mypy{' --strict' if strict else ''}"
    annotations = check_rules(project, stage, "type_hints")
    if annotations.obstacle:
        return Answer(checked, obstacle=annotations.obstacle)
    config = project.table("tool", "mypy")
    flags = ["--strict", *own_exceptions(config)] if strict else []
    code = "src" if (project.root / "src").is_dir() else "."
    done = project.python("mypy", "--output", "json", "--no-error-summary", *flags, code)
    if done is None:
        return Answer(checked, obstacle=NOT_INSTALLED.format("mypy"))
    if done.returncode == 2 and not done.stdout.startswith("{"):
        return Answer(checked, obstacle=f"mypy stopped: {first_line(done.stderr or done.stdout)}")
    entries = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    wrong = [
        Finding(project.relative(entry["file"]), max(entry["line"], 1), f"{entry['message']} [{entry['code']}]")
        for entry in entries
        if entry["severity"] == "error"
    ]
    told = {(finding.path, finding.line) for finding in annotations.findings}  # both see a missing annotation
    return Answer(checked, annotations.findings + [finding for finding in wrong if finding[:2] not in told])


def own_exceptions(config: dict[str, Any]) -> list[str]:
    """Return what [tool.mypy] says `false` to as options: on the command line --strict would switch it on again."""
    off = [key for key, value in config.items() if value is False and key != "disallow_untyped_defs"]
    return [
        f"--allow-{key.removeprefix('disallow_')}".replace("_", "-")
        if key.startswith("disallow_")
        else f"--no-{key}".replace("_", "-")
        for key in off
        if key.startswith(("disallow_", "warn_", "check_", "strict_"))
    ]


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
