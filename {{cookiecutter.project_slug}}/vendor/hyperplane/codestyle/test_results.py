"""Tests: they pass, and run enough of the code. As that takes minutes, a result newer than all code is used again.

A result that falls short is not: it may be of a few tests only.
"""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from .answers import Answer, Finding
from .project import Project
from .table import COVERAGE

NAMED = 3  # files with the most lines that no test runs
WATCHED = {".py", ".yaml", ".toml"}


def check_tests(project: Project, stage: str) -> Answer:
    """Find failing tests, and the code that no test runs where it is too much."""
    checked = f"pytest; coverage of at least {COVERAGE} %"
    folder = project.root / "tests"
    if not [*folder.rglob("test_*.py"), *folder.rglob("*_test.py")]:
        return Answer(checked, [Finding("pyproject.toml", project.line_of("[tool.pytest"), "there is no test")])
    data = project.root / ".coverage"
    report = coverage(project, data) if is_newest(data, project) else None
    if report is None or percent_of(report) < COVERAGE:
        done = project.python("pytest", "-q", "--cache-clear", "--cov", "--cov-fail-under=0", "--cov-report=")
        if done is None or "unrecognized arguments: --cov" in done.stderr:
            return Answer(checked, obstacle="pytest and pytest-cov are not installed in this environment: make setup")
        report = coverage(project, data)
        if done.returncode and not failing(project):
            said = (done.stdout or done.stderr).strip().splitlines() or [f"exit status {done.returncode}"]
            return Answer(checked, obstacle=f"pytest failed: {said[-1]}")
    failed = failing(project)
    if report is None:
        return Answer(checked, failed, "" if failed else "pytest measured no coverage")
    percent = percent_of(report)
    if percent >= COVERAGE:
        return Answer(f"{checked}; it is {percent:.0f} %", failed)
    short = f"tests run {percent:.0f} % of the lines under src/, where {COVERAGE} % are needed"
    lines = Finding("pyproject.toml", project.line_of("[tool.coverage"), short)
    return Answer(checked, [*failed, lines, *uncovered(report)])


def is_newest(data: Path, project: Project) -> bool:
    """Whether a coverage file is newer than all code, configurations and tests."""
    if not data.is_file():
        return False
    files = [path for folder in (project.source_folder, project.root / "tests") for path in folder.rglob("*")]
    changed = [path.stat().st_mtime for path in files if path.suffix in WATCHED and path.is_file()]
    return data.stat().st_mtime > max(changed, default=0)


def failing(project: Project) -> list[Finding]:
    """Return the tests that failed when they were last run, as pytest remembers them, but for those that are gone."""
    memory = project.root / ".pytest_cache" / "v" / "cache" / "lastfailed"
    if not memory.is_file():
        return []
    findings = []
    for test in json.loads(memory.read_text(encoding="utf-8")):
        path, _, name = test.partition("::")
        text = project.read(path) if (project.root / path).is_file() else ""
        function = re.escape(name.rpartition("::")[2].partition("[")[0])
        found = re.search(rf"^ *(?:async )?def {function}\b" if function else "^", text, re.MULTILINE)
        if text and found:
            line = text.count("\n", 0, found.start()) + 1
            findings.append(Finding(path, line, f"{name or 'the file'} fails"))
    return findings


def coverage(project: Project, data: Path) -> dict[str, Any] | None:
    """Return coverage.py's own report, or None if there is no data, or it is of files that are gone."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        options = ("--data-file", str(data), "--fail-under=0", "-q", "-o", str(report))
        project.python("coverage", "json", *options)
        result: dict[str, Any] | None = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else None
    return result


def percent_of(report: dict[str, Any]) -> float:
    """Return how much of the code the tests run."""
    percent: float = report["totals"]["percent_covered"]
    return percent


def uncovered(report: dict[str, Any]) -> list[Finding]:
    """Return the files with the most lines that no test runs, at the first such line."""
    files = sorted(report["files"].items(), key=lambda item: -len(item[1]["missing_lines"]))
    return [
        Finding(
            Path(name).as_posix(),
            entry["missing_lines"][0],
            f"{len(entry['missing_lines'])} lines that no test runs ({entry['summary']['percent_covered']:.0f} % are)",
        )
        for name, entry in files[:NAMED]
        if entry["missing_lines"]
    ]
