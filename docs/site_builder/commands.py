"""The page of the commands: what each prints for --help."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

BEGIN = """# Commands

The `--help` of each command. After `make setup`, the commands are in `.venv/bin`. Without installation, use
`python -m my_research train ...`.
"""


def commands_page(project: Path) -> str:
    """Return the page with all commands of a project, in the order of its pyproject.toml."""
    scripts = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    page = BEGIN
    for name in scripts:
        told = help_of([name], project)
        page += f"\n## {name}\n\n```text\n{told}\n```\n"
        for word in words_of(told):
            page += f"\n### {name} {word}\n\n```text\n{help_of([name, word], project)}\n```\n"
    return page


def words_of(told: str) -> list[str]:
    """Return the words that may follow a command, such as list and show, as its --help names them."""
    found = re.search(r"^  (\w+(?: \| \w+)+)$", told, re.MULTILINE)
    return found[1].split(" | ") if found else []


def help_of(words: list[str], project: Path) -> str:
    """Return what a command prints for --help."""
    (package,) = (path.parent.name for path in (project / "src").glob("*/train.py"))
    paths = os.pathsep.join(str(project / folder) for folder in ("src", "vendor"))
    done = subprocess.run(
        [sys.executable, "-m", package, *words, "--help"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": paths, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()
