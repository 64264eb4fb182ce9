"""Tests: they pass, run enough of the code, and some of each file.

As they take a while, a result that is newer than all code is used again. One that falls short is not: it may be of a
few tests only.
"""

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from .codebase import Codebase
from .results import Finding, Result
from .table import COVERAGE

NAMED = 3  # files with the most lines that no test runs
WATCHED = {".py", ".yaml", ".toml"}


def check_tests(code: Codebase, stage: str) -> Result:
    """Find failing tests, the files that no test runs anything of, and the largest gaps where they are too large."""
    checked = f"pytest; coverage of at least {COVERAGE} %, and of each file"
    if not any((code.root / "tests").rglob("test_*.py")):
        return Result(checked, [Finding("pyproject.toml", code.line_of("[tool.pytest"), "there is no test")])
    report = read_coverage(code) if is_newest(code) else None
    if report is None or report["totals"]["percent_covered"] < COVERAGE or untested(report):
        done = code.python("pytest", "-q", "--cache-clear", "--cov", "--cov-report=")
        if done is None or "unrecognized arguments: --cov" in done.stderr:
            return Result(checked, obstacle="pytest and pytest-cov are not installed in this environment: make setup")
        report = read_coverage(code)
        if done.returncode and not failing(code):
            output = (done.stdout or done.stderr).strip().splitlines() or [f"exit status {done.returncode}"]
            return Result(checked, obstacle=f"pytest failed: {output[-1]}")
    failed = failing(code)
    if report is None:
        return Result(checked, failed, "" if failed else "pytest measured no coverage")
    findings = failed + untested(report)
    percent = report["totals"]["percent_covered"]
    if percent < COVERAGE:
        short = f"tests run {percent:.0f} % of the lines under src/, where {COVERAGE} % are needed"
        findings += [Finding("pyproject.toml", code.line_of("[tool.coverage"), short), *largest_gaps(report)]
    return Result(f"{checked}; it is {percent:.0f} %", findings)


def is_newest(code: Codebase) -> bool:
    """Say whether the coverage file is newer than all code, the engine's too, and all configurations and tests."""
    data = code.root / ".coverage"
    if not data.is_file():
        return False
    files = [path for folder in ("src", "vendor", "tests") for path in (code.root / folder).rglob("*")]
    changed = [path.stat().st_mtime for path in files if path.suffix in WATCHED and path.is_file()]
    return data.stat().st_mtime > max(changed, default=0)


def failing(code: Codebase) -> list[Finding]:
    """Return the tests that failed when they were last run, as pytest remembers them, but for those that are gone."""
    memory = code.root / ".pytest_cache" / "v" / "cache" / "lastfailed"
    if not memory.is_file():
        return []
    findings = []
    for test in json.loads(memory.read_text(encoding="utf-8")):
        path, _, name = test.partition("::")
        text = code.read(path) if (code.root / path).is_file() else ""
        function = re.escape(name.rpartition("::")[2].partition("[")[0])
        found = re.search(rf"^ *(?:async )?def {function}\b" if function else "^", text, re.MULTILINE)
        if text and found:
            line = text.count("\n", 0, found.start()) + 1
            findings.append(Finding(path, line, f"{name or 'the file'} fails"))
    return findings


def read_coverage(code: Codebase) -> dict[str, Any] | None:
    """Return coverage.py's own report, or None if there is no data, or it is of files that are gone."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        code.python("coverage", "json", "--fail-under=0", "-q", "-o", str(report))
        result: dict[str, Any] | None = json.loads(report.read_text(encoding="utf-8")) if report.is_file() else None
    return result


def untested(report: dict[str, Any]) -> list[Finding]:
    """Return the files of whose functions no test runs a line; their imports and signatures run with every import."""
    findings = []
    for name, entry in report["files"].items():
        bodies = [body for function, body in entry["functions"].items() if function]
        if entry["missing_lines"] and not any(body["executed_lines"] for body in bodies or [entry]):
            line = min(line for body in bodies or [entry] for line in body["missing_lines"])
            findings.append(Finding(Path(name).as_posix(), line, "no test runs anything of this file"))
    return findings


def largest_gaps(report: dict[str, Any]) -> list[Finding]:
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
