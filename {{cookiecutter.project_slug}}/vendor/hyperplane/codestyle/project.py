"""The project that is checked: its pyproject.toml, its Python files, and programs run in its folder."""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import UserError, nearest
from .table import STAGES

NOT_SOURCE = {"tests", "notebooks", "docs", "data", "runs", "build", "dist", "venv", "node_modules", "__pycache__"}


class Source(NamedTuple):
    """A Python file that parses."""

    path: str  # relative to the project
    tree: ast.Module


class Project:
    """A folder with code. Nothing in it is imported: checks read files and run tools."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise UserError(f"no folder {root}")
        self.root = root.resolve()
        self.has_pyproject = (self.root / "pyproject.toml").is_file()
        self.text = self.read("pyproject.toml") if self.has_pyproject else ""
        try:
            self.pyproject: dict[str, Any] = tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"pyproject.toml is not TOML: {error}") from error

    def read(self, name: str) -> str:
        # newline="": files keep the line ends that they have
        with (self.root / name).open(encoding="utf-8", errors="replace", newline="") as file:
            return file.read()

    def relative(self, path: str | Path) -> str:
        """Return a path as it is seen from the project's folder."""
        whole = self.root / path
        return whole.relative_to(self.root).as_posix() if whole.is_relative_to(self.root) else str(path)

    def allows(self, path: str, line: int, topic: str) -> bool:
        """Whether a line says, by `# codestyle: allow <topic>`, that a check is wrong about it."""
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
        """The stage that pyproject.toml says; raises UserError if it says none."""
        stage = self.table("tool", "hyperplane").get("stage")
        if stage is None:
            raise UserError(
                'pyproject.toml says no stage. Add [tool.hyperplane] with stage = "concept", or use --stage.'
            )
        return known_stage(str(stage), "stage in [tool.hyperplane] of pyproject.toml")

    @cached_property
    def source_folder(self) -> Path:
        """Where the code lies: src/ if there is one."""
        return self.root / "src" if (self.root / "src").is_dir() else self.root

    @cached_property
    def sources(self) -> list[Source]:
        """The Python files of the code, without its tests; one that does not parse is left to ruff."""
        return list(self._parsed())

    def _parsed(self) -> Iterator[Source]:
        flat = self.source_folder == self.root
        for path in sorted(self.source_folder.rglob("*.py")):
            inside = path.relative_to(self.root)
            if flat and any(part in NOT_SOURCE or part.startswith(".") for part in inside.parts[:-1]):
                continue
            try:
                yield Source(inside.as_posix(), ast.parse(path.read_bytes()))
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


def known_stage(stage: str, key: str) -> str:
    """Return `stage`, or raise UserError if it is none of the four."""
    if stage not in STAGES:
        raise UserError(f"{key} is {stage}, and must be one of {', '.join(STAGES)}. {nearest(stage, STAGES)}".rstrip())
    return stage
