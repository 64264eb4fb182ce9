"""Two projects in one environment would share one engine: noticed at start, in a sentence."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import Bake, python

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def projects(bake: Bake) -> tuple[Path, Path]:
    return bake(project_name="One"), bake(project_name="Two")


def start(package: str, *places: Path) -> Done:
    """Start a command of a package, with these places on Python's path."""
    code = f"import sys; sys.path[:0] = {[str(place) for place in places]}; sys.argv[1:] = ['--help']; "
    code += f"from {package}.__main__ import train; train()"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


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
