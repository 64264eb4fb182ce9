"""What every baked project must satisfy, whatever was answered."""

import ast
import json
import re
import subprocess
import tomllib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml
from conftest import python

read_yaml = partial(yaml.load, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # in C ten times as fast
PARSERS: dict[str, Callable[[str], Any]] = {
    ".py": ast.parse,
    ".yaml": read_yaml,
    ".yml": read_yaml,
    ".toml": tomllib.loads,
    ".json": json.loads,
    ".ipynb": json.loads,
}


def git(project: Path, *arguments: str) -> str:
    """Return what a git command prints in a project."""
    command = ["git", *arguments]
    return subprocess.run(command, cwd=project, check=True, capture_output=True, text=True).stdout


@cache
def problem(suffix: str, text: str) -> str | None:
    """Return why a parser does not read this text; equal files of many projects are read once."""
    try:
        PARSERS.get(suffix, str)(text)
    except Exception as error:
        return str(error)
    return None


def assert_parses(project: Path) -> None:
    """Every file is read by its language's parser, and no Jinja is left over."""
    for name in git(project, "ls-files", "-z").split("\0")[:-1]:
        path = project / name
        if path.suffix == ".png":
            continue
        text = path.read_text(encoding="utf-8")
        why = problem(path.suffix, text)
        assert why is None, f"{name} does not parse: {why}"
        # The engine and Python under src/ are copied unrendered and may hold {{ in their f-strings.
        is_copied = name.startswith("vendor") or (name.startswith("src") and path.suffix == ".py")
        leftover = r"cookiecutter\.(?!md)\w" if is_copied else None
        # GitHub's own ${{ ... }} stays.
        leftover = leftover or r"(?<!\$)\{\{|\{%|cookiecutter(_|\.(?!md))"
        assert not re.search(leftover, text), f"{name} holds unrendered Jinja"


def assert_lints(project: Path) -> None:
    """The project passes the ruff half of its own `make lint`."""
    python(project, "-m", "ruff", "check", "--no-cache")
    python(project, "-m", "ruff", "format", "--check", "--no-cache", "--diff")


def assert_committed(project: Path) -> None:
    """All files are in one commit on main."""
    assert git(project, "rev-list", "--count", "HEAD").strip() == "1"
    assert git(project, "symbolic-ref", "--short", "HEAD").strip() == "main"
    assert git(project, "status", "--porcelain") == ""
