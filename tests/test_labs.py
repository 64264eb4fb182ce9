"""The labs run from top to bottom, what their text states is still true, and the solutions solve the exercises.

Those that train for longer are run by `make check-labs` of a project alone.
"""

import re
import tomllib
from pathlib import Path

import pytest
from checks import git
from conftest import TEMPLATE, Bake, Pending

LABS = TEMPLATE / "{{cookiecutter.project_slug}}" / "labs"
TESTED = ("01", "02", "03", "04", "05", "07")


@pytest.mark.slow
@pytest.mark.parametrize("lab", TESTED)
def test_a_lab_runs_and_tells_the_truth(labs: Pending, lab: str) -> None:
    said = labs.result().stdout
    assert re.search(rf"^lab_{lab}_\w+  \d+ s  ok$", said, re.MULTILINE), said[-6000:]
    assert "solutions are right." in said


def test_every_lab_has_an_exercise_and_leads_to_the_next() -> None:
    paths = sorted(LABS.glob("lab_*.py"))
    solved = re.findall(r"^    \((check_\w+),", (LABS / "solutions.py").read_text(encoding="utf-8"), re.MULTILINE)
    for path, following in zip(paths, [*paths[1:], None], strict=True):
        text = path.read_text(encoding="utf-8")
        (check,) = re.findall(r"checked\(lambda: (check_\w+)\(", text)
        assert check in solved and "stated(" in text and "ask(" in text, path
        assert following is None or following.name in text, path


def test_labs_are_there_if_asked_for(bake: Bake) -> None:
    with_labs, without = bake(project_name="The Labs", labs="yes"), bake()
    assert "labs" in extras(with_labs) and (with_labs / "references/lecture.md").is_file()
    assert "labs" not in extras(without) and not (without / "labs").exists()
    assert not (without / "references/lecture.md").exists()
    assert git(with_labs, "status", "--porcelain", "labs") == ""
    assert "make labs" in (with_labs / "README.md").read_text(encoding="utf-8")


def test_the_map_of_the_lecture_leads_to_files(bake: Bake) -> None:
    project = bake(project_name="The Labs", labs="yes")
    text = (project / "references/lecture.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        assert (project / "references" / target).exists(), target
    for name in re.findall(r"`(tests/engine/[\w.]+\.py)", text):
        assert (TEMPLATE / name).is_file(), name
    for name in re.findall(r"`(tests/(?!engine)[\w/.]+\.py)", text):
        assert (project / name).is_file(), name


def extras(project: Path) -> set[str]:
    """Return the names of a project's optional dependencies."""
    return {
        *tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    }
