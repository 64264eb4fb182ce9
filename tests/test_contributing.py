"""The template is changed where it is baked: one command bakes it, links what is not rendered, and checks it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checks import git
from conftest import TEMPLATE

PROJECT = "{{cookiecutter.project_slug}}"
PACKAGE = "{{cookiecutter.package_name}}"
LOSSES = Path("losses", "forecasting.py")

Done = subprocess.CompletedProcess[str]


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def change(path: Path, old: str, new: str) -> None:
    """Replace the first place where `old` stands."""
    assert old in read(path)
    path.write_text(read(path).replace(old, new, 1), encoding="utf-8")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A copy of the template, with what `make try` needs."""
    template = tmp_path / "the template"
    caches = shutil.ignore_patterns("__pycache__", ".*_cache")
    for name in ("hooks", PROJECT):
        shutil.copytree(TEMPLATE / name, template / name, ignore=caches)
    for name in ("cookiecutter.json", "Makefile", "constraints.txt"):
        shutil.copy(TEMPLATE / name, template)
    (template / "bin").mkdir()
    for tool in ("cookiecutter", "ruff", "python"):
        (template / "bin" / tool).symlink_to(Path(sys.executable).parent / tool)
    # These have tests of their own; mypy would take a minute.
    for tool in ("mypy", "lint-imports"):
        (template / "bin" / tool).write_text(f"#!/bin/sh\necho {tool} in ${{PWD##*/}}\n")
        (template / "bin" / tool).chmod(0o755)
    return template


def make_try(template: Path, *words: str) -> Done:
    installed = ("--old-file=.venv/.ready", "--old-file=.venv/.can-bake", "BIN=bin")
    return subprocess.run(["make", *installed, "try", *words], cwd=template, capture_output=True, text=True)


def test_make_try_checks_what_the_template_makes_now(template: Path) -> None:
    done = make_try(template, "ANSWERS=project_slug=tried stage=product")
    assert done.returncode == 0, done.stderr
    assert "mypy in project\n" in done.stdout and "lint-imports in project\n" in done.stdout
    assert 'stage = "product"' in read(template / "try/project/pyproject.toml")

    source = template / PROJECT / "src" / PACKAGE / LOSSES
    source.write_text(read(source) + "import os\n", encoding="utf-8")
    done = make_try(template)
    assert done.returncode == 2 and "E402" in done.stdout
    assert 'stage = "concept"' in read(template / "try/project/pyproject.toml")

    done = make_try(template, "ANSWERS=project_name=Torch")
    assert done.returncode == 2 and "would hide a package" in done.stderr and "Traceback" not in done.stderr


def test_what_is_edited_there_is_edited_here_or_kept_and_named(template: Path) -> None:
    assert make_try(template).returncode == 0
    project = template / "try/project"
    assert git(project, "status", "--porcelain") == ""
    written = [path for path in (project / "src").rglob("*.py") if not path.is_symlink()]
    assert written == [project / "src/my_research/__init__.py"]

    change(project / "src/my_research" / LOSSES, "The loss of quantiles", "My loss of quantiles")
    change(project / "vendor/hyperplane/errors.py", "import difflib\n", "import difflib  # mine\n")
    assert "My loss" in read(template / PROJECT / "src" / PACKAGE / LOSSES)
    assert "import difflib  # mine\n" in read(template / PROJECT / "vendor/hyperplane/errors.py")
    done = make_try(template)
    assert done.returncode == 0 and "had been edited" not in done.stdout

    change(project / "README.md", "make train", "make  train")
    (project / "src/my_research/models/mine.py").write_text("")
    done = make_try(template)
    assert " M README.md\n?? src/my_research/models/mine.py\n" in done.stdout
    assert "make  train" in read(template / "try/edited/README.md")
    assert "make  train" not in read(project / "README.md")


# Refuses a folder that exists, as the command does.
TRAIN = """#!/bin/sh
run="${2#hydra.run.dir=}"
[ ! -e "$run" ] && mkdir -p "$run/figures" && touch "$run/figures/learning_curves.png" && echo "trained $1"
"""


def test_make_demo_shows_a_first_model_that_exists_and_trains_it_once(tmp_path: Path) -> None:
    shutil.copy(TEMPLATE / "Makefile", tmp_path)
    for name, text in {
        "../.baked": "",
        "Makefile": "setup table: ;\n",
        "runs/first_model/summary.json": "{}",  # of a run that was stopped, and drew nothing
        ".venv/bin/train": TRAIN,
    }.items():
        path = tmp_path / "demo/my-research" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    for trains in (True, False):
        demo = ["make", "--old-file=.venv/.can-bake", "demo"]
        done = subprocess.run(demo, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert ("trained model=mlp" in done.stdout) is trains
        (shown,) = (line.partition("curves: ")[2] for line in done.stdout.splitlines() if "learning curves" in line)
        assert (tmp_path / shown).is_file()
