"""A small project where all is well, for the tests of `codestyle`."""

import subprocess

import pytest
from hyperplane.codestyle.checks import check_topic
from hyperplane.codestyle.codebase import Codebase
from hyperplane.codestyle.results import Result

PYPROJECT = """\
[project]
name = "tiny"
version = "0"
dependencies = ["pydantic>=2"]

[tool.hyperplane]
template_version = "0.1.0"
stage = "concept"  # mine

[tool.ruff.lint]
select = [
  "E", "F",  # my choice ]
]

[tool.ruff.lint.per-file-ignores]
"tests/*" = ["ANN", "S"]

[tool.mypy]
strict = true
"""
AREA = '''\
"""Areas."""


def area(width: float, height: float) -> float:
    """Return the area of a rectangle."""
    return width * height
'''
TEST = "from area import area\n\n\ndef test_area():\n    assert area(2, 3) == 6\n"
TINY = {
    "pyproject.toml": PYPROJECT,
    "Makefile": "test: setup\n\tpytest\n",
    ".gitignore": ".coverage\n.*_cache/\n__pycache__/\n",
    "src/area.py": AREA,
    "tests/test_area.py": TEST,
}


@pytest.fixture
def tiny(tmp_path):
    """`tiny(files)` makes the project, with `files` added or in place of its own."""

    def make(files: dict[str, str] | None = None) -> Codebase:
        for name, text in {**TINY, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Codebase(tmp_path)

    return make


def answer(project: Codebase, topic: str, stage: str = "deployment") -> Result:
    return check_topic(project, stage, topic)


def git(project: Codebase, *arguments: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=project.root, check=True, capture_output=True)
