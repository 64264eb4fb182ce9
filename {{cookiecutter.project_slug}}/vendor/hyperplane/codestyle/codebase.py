"""The code that is checked: the user's own Python files, pyproject.toml, and tools that run in the project's folder."""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import UserError, with_nearest
from .table import STAGES


class Source(NamedTuple):
    """A Python file that parses."""

    path: str  # relative to the project
    tree: ast.Module


class Codebase:
    """The folder of a project. Nothing in it is imported: checks read files and run tools."""

    def __init__(self, root: Path) -> None:
        if not (root / "pyproject.toml").is_file():
            raise UserError(f"{root} is not a project: it has no pyproject.toml")
        self.root = root.resolve()
        self.text = self.read("pyproject.toml")
        try:
            self.pyproject: dict[str, Any] = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"pyproject.toml is not TOML: {error}") from error

    def read(self, name: str) -> str:
        """Return the text of a file with the line ends that it has."""
        return (self.root / name).read_bytes().decode(errors="replace")

    def relative(self, path: str | Path) -> str:
        """Return a path as it is seen from the project's folder."""
        whole = self.root / path
        return whole.relative_to(self.root).as_posix() if whole.is_relative_to(self.root) else str(path)

    def allows(self, path: str, line: int, topic: str) -> bool:
        """Say whether a line, by `# codestyle: allow <topic>`, declares that a check is wrong about it."""
        lines = self.read(path).splitlines() if (self.root / path).is_file() else []
        return f"# codestyle: allow {topic}" in "".join(lines[line - 1 : line])

    def table(self, *names: str) -> dict[str, Any]:
        """Return a table of pyproject.toml, such as `table("tool", "mypy")`; empty where there is none."""
        found: Any = self.pyproject
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def line_of(self, start: str) -> int:
        """Return the number of the first line of pyproject.toml that starts so, or 1."""
        lines = self.text.splitlines()
        return next((number for number, line in enumerate(lines, 1) if line.startswith(start)), 1)

    @property
    def stage(self) -> str:
        """The stage in pyproject.toml; raises UserError if there is none, or none of the four."""
        stage = self.table("tool", "hyperplane").get("stage")
        if stage is None:
            raise UserError(
                'pyproject.toml names no stage. Add [tool.hyperplane] with stage = "concept", or use --stage.'
            )
        if stage not in STAGES:
            says = f"stage in [tool.hyperplane] of pyproject.toml is {stage}, and must be one of {', '.join(STAGES)}."
            raise UserError(with_nearest(says, str(stage), STAGES))
        return str(stage)

    @cached_property
    def sources(self) -> list[Source]:
        """The Python files under src/; one that does not parse is left to ruff."""
        return list(self._parsed())

    def _parsed(self) -> Iterator[Source]:
        for path in sorted((self.root / "src").rglob("*.py")):
            try:
                yield Source(self.relative(path), ast.parse(path.read_bytes()))
            except (SyntaxError, ValueError):
                continue

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the project's folder."""
        plain = {**os.environ, "NO_COLOR": "1", "PYTHONUTF8": "1"}
        plain.pop("FORCE_COLOR", None)
        return subprocess.run(
            command,
            cwd=self.root,
            env=plain,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )

    def python(self, module: str, *arguments: str) -> subprocess.CompletedProcess[str] | None:
        """Run a tool of this environment, or return None if it is not installed."""
        done = self.run(sys.executable, "-m", module, *arguments)
        return None if f"No module named {module}" in done.stderr else done


def word(node: ast.expr | None) -> str:
    """Return the text of a string that stands in the code, or an empty one for any other expression."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def last_name(node: ast.expr) -> str:
    """Return `c` of `a.b.c`."""
    return ast.unparse(node).rpartition(".")[2]
