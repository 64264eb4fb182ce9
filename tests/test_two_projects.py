"""Two projects in one environment would share one engine, and a copy would run the original: both are noticed."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import TEMPLATE, Bake, bake_into, python

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def projects(bake: Bake) -> tuple[Path, Path]:
    return bake(project_name="One"), bake(project_name="Two")


def start(package: str, *places: Path, here: Path | None = None, command: str = "train") -> Done:
    """Start a command of a package in the folder `here`, with these places on Python's path."""
    code = f"import sys; sys.path[:0] = {[str(place) for place in places]}; sys.argv[1:] = ['--help']; "
    code += f"from {package}.__main__ import {command}; {command}()"
    return subprocess.run([sys.executable, "-P", "-c", code], cwd=here, capture_output=True, text=True)


def editable(project: Path) -> list[Path]:
    """Return what an editable install of a project adds to Python's path."""
    return [project / "src", project / "vendor"]


def test_of_two_editable_installs_the_second_is_refused(projects: tuple[Path, Path]) -> None:
    one, two = projects
    first = start("one", *editable(one), *editable(two))
    assert (first.returncode, first.stderr) == (0, "") and "model=" in first.stdout
    second = start("two", *editable(one), *editable(two))
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr == (
        f"two has an engine of its own, {two}/vendor/hyperplane, but Python found the one in {one}/vendor/hyperplane: "
        "two projects share this environment. Give each its own: make setup\n"
    )


def test_wheels_that_overwrite_each_others_engine_are_refused(projects: tuple[Path, Path], tmp_path: Path) -> None:
    installed = tmp_path / "site-packages"
    for number, project in enumerate(projects):
        python(project, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path / str(number)))
        (wheel,) = (tmp_path / str(number)).glob("*.whl")
        if number == 1:
            alone = start("one", installed)
            assert (alone.returncode, alone.stderr) == (0, "") and "model=" in alone.stdout
            beside = start("two", installed, *editable(project))  # as Python's path has them
            assert beside.returncode == 2 and beside.stderr.startswith("two has an engine of its own, ")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(installed)
    for package in ("one", "two"):
        done = start(package, installed)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            "one-0.1.0 and two-0.1.0 share this environment, and one engine, that of the project which was installed "
            "last. Give each an environment of its own\n"
        )


@pytest.mark.parametrize("command", ["train", "evaluate", "predict", "export_model", "report", "runs", "codestyle"])
def test_a_copy_of_a_project_does_not_run_the_code_of_the_original(bake: Bake, tmp_path: Path, command: str) -> None:
    one = bake(project_name="One")
    copy = tmp_path / "copy"
    shutil.copytree(one / "src", copy / "src")
    shutil.copy(one / "pyproject.toml", copy)
    (copy / "runs").mkdir()
    for here in (copy, copy / "runs"):
        done = start("one", *editable(one), here=here, command=command)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"This is the project {copy}, but its command runs the code of {one}, as .venv was made there. "
            "Give this project an environment of its own: make setup\n"
        )


def test_commands_run_where_no_copy_is(projects: tuple[Path, Path], tmp_path: Path) -> None:
    one, two = projects
    link = tmp_path / "link"
    link.symlink_to(one)
    for here in (one, one / "src", link, two, tmp_path):
        assert start("one", *editable(one), here=here).returncode == 0


def test_setup_makes_the_environment_of_a_copy_anew(tmp_path: Path) -> None:
    project = bake_into(TEMPLATE, tmp_path / "a b")
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(
        '#!/bin/sh\necho "$1"\n[ "$1" != venv ] || { mkdir -p .venv/bin && ln -sf /bin/true .venv/bin/python; }\n'
    )
    uv.chmod(0o755)
    path = f"{uv.parent}:{os.environ['PATH']}"

    def setup(folder: Path) -> str:
        return subprocess.run(
            ["make", "setup"], cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True
        ).stdout

    assert "venv\n" in setup(project)
    assert setup(project) == "make: Nothing to be done for 'setup'.\n"
    copy = shutil.copytree(project, tmp_path / "copy", symlinks=True)
    made = setup(copy)
    assert made.startswith(f"Creating .venv again: it belongs to a project in {project}.\n") and "venv\n" in made
    assert setup(copy) == setup(project) == "make: Nothing to be done for 'setup'.\n"
    moved = project.rename(tmp_path / "moved")
    assert setup(moved).startswith("Creating .venv again")
    for pip, makes in ((False, True), (True, False)):  # it was interrupted before pip was there, or after
        (moved / ".venv/.ready").unlink()
        if pip:
            (moved / ".venv/bin/pip").symlink_to("/bin/true")
        assert ("venv\n" in setup(moved)) is makes


@pytest.mark.parametrize("target", ["setup", "bake"])  # of the project, and of the template
def test_a_setup_that_fails_removes_only_what_it_made(tmp_path: Path, target: str) -> None:
    project = bake_into(TEMPLATE, tmp_path) if target == "setup" else tmp_path
    if target == "bake":
        shutil.copy(TEMPLATE / "Makefile", tmp_path)
        (tmp_path / "constraints.txt").touch()
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text('#!/bin/sh\n[ "$1" != venv ] || { mkdir -p .venv; exit 1; }\n')  # pip cannot be fetched
    uv.chmod(0o755)
    for is_there in (False, True):
        if is_there:
            (project / ".venv").mkdir()
        path = f"{uv.parent}:{os.environ['PATH']}"
        assert subprocess.run(["make", target], cwd=project, env=os.environ | {"PATH": path}).returncode == 2
        assert (project / ".venv").exists() is is_there


def test_a_project_below_a_folder_with_brackets_passes_its_lint(tmp_path: Path) -> None:
    project = bake_into(TEMPLATE, tmp_path / "a[1] {b}")
    python(project, "-m", "ruff", "check", "--no-cache", "--output-format=concise")
    python(project, "-m", "ruff", "format", "--check", "--no-cache")
