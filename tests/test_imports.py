"""Imports point one way: the project imports the engine, the engine nothing of it, and its layers only those below."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TEMPLATE, bake_into

ENGINE = TEMPLATE / "{{cookiecutter.project_slug}}" / "vendor"
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint_imports(folder: Path, *path: Path) -> subprocess.CompletedProcess[str]:
    """Run what `make lint` runs in a folder with a pyproject.toml."""
    code = f"import sys; sys.path[:0] = {[str(part) for part in path]}; {LINT}"
    command = [sys.executable, "-c", code, "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def add_import(path: Path, line: str) -> None:
    """Add an import in front of the first one of a module."""
    text = path.read_text(encoding="utf-8")
    first = re.search("^(import|from) ", text, re.MULTILINE)
    assert first is not None
    path.write_text(f"{text[: first.start()]}{line}\n{text[first.start() :]}", encoding="utf-8")


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A copy of the engine, below the contract of the template."""
    shutil.copytree(ENGINE, tmp_path / "vendor", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TEMPLATE / "pyproject.toml", tmp_path)
    return tmp_path / "vendor"


def test_the_engine_of_a_project_imports_nothing_of_it(tmp_path: Path) -> None:
    project = bake_into(TEMPLATE, tmp_path)
    path = (project / "src", project / "vendor")
    kept = lint_imports(project, *path)
    assert kept.returncode == 0 and "1 kept, 0 broken" in kept.stdout, kept.stdout + kept.stderr
    add_import(project / "vendor/hydra_plugins/search_path.py", "from my_research.models.mlp import MLP")
    broken = lint_imports(project, *path)
    assert broken.returncode == 1 and "hydra_plugins.search_path -> my_research.models.mlp" in broken.stdout


@pytest.mark.parametrize(
    ("module", "line", "named"),
    [
        ("run_folder/locks.py", "from ..training.run import Run", "hyperplane.run_folder.locks -> hyperplane.training"),
        ("errors.py", "from .settings import Settings", "hyperplane.errors -> hyperplane.settings"),
        ("data/spec.py", "from .panels.panel import Panel", "hyperplane.data"),
        ("loop/divergence.py", "from ..commands import report", "hyperplane.loop.divergence -> hyperplane.commands"),
    ],
)
def test_a_layer_of_the_engine_imports_only_those_below(engine: Path, module: str, line: str, named: str) -> None:
    kept = lint_imports(engine.parent, engine)
    assert kept.returncode == 0 and "2 kept, 0 broken" in kept.stdout, kept.stdout + kept.stderr
    add_import(engine / "hyperplane" / module, line)
    broken = lint_imports(engine.parent, engine)
    assert broken.returncode == 1 and named in broken.stdout, broken.stdout


def test_the_engine_names_no_project() -> None:
    """Not in a string either, which an import could be made of; the topic `cookiecutter` of the code style stays."""
    named = []
    for path in ENGINE.rglob("*"):
        if path.suffix in (".py", ".yaml"):
            lines = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
            named += [(path.name, number) for number, line in lines if re.search("my_research|{{ ?cookiecutter", line)]
    assert named == []
