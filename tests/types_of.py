"""Checks the types of some projects with mypy, one after the other, and those of the engine.

python types_of.py <project> ...
"""

import json
import subprocess
import sys
from pathlib import Path

TEMPLATE = Path(__file__).resolve().parents[1]
VERSIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["python_version"]
# What the newest Python lacks, its standard library says: to read the others once more takes half a minute.
UNREAD = ("--follow-imports=skip", "--no-warn-unused-ignores", "--disable-error-code=var-annotated")


def main(projects: list[str]) -> int:
    """Check all, and return how many have errors."""
    checks: list[tuple[str, ...]] = [(project, "--python-version", VERSIONS[0]) for project in projects]
    checks += [(project, "--python-version", VERSIONS[-1], *UNREAD) for project in projects]
    # The engine as a whole: a project's mypy sees of it what the project imports.
    checks.append((str(TEMPLATE), "--config-file", "mypy-engine.ini"))
    return sum(
        subprocess.run([sys.executable, "-m", "mypy", *words], cwd=folder).returncode for folder, *words in checks
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
