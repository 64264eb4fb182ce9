"""The labs run from top to bottom, what their text states is still true, and the solutions solve the exercises.

Those that train for longer are run by `make check-labs` of a project alone.
"""

import importlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from checks import assert_committed, assert_lints, assert_parses, git
from conftest import QUESTIONS, TEMPLATE, Bake
from in_background import Pending

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


def test_labs_need_all_examples(bake: Bake) -> None:
    assert QUESTIONS["labs"] == ["no", "yes"] and QUESTIONS["__prompts__"]["labs"].keys() == {"__prompt__", "no", "yes"}
    with pytest.raises(SystemExit, match="The labs use all examples: labs=yes goes with examples=all"):
        bake(labs="yes", examples="minimal")


def test_a_project_with_labs_parses_and_lints(bake: Bake) -> None:
    project = bake(project_name="The Labs", labs="yes")
    assert_parses(project)
    assert_lints(project)
    assert_committed(project)


def test_each_formula_of_the_lecture_has_a_lab_code_and_a_test(bake: Bake) -> None:
    project = bake(project_name="The Labs", labs="yes")
    (package,) = (path.parent for path in project.glob("src/*/train.py"))
    text = (project / "references/lecture.md").read_text(encoding="utf-8")
    rows = [re.split(r" \| ", row.strip("| ")) for row in text.splitlines() if row.startswith("| ")][1:]
    assert len(rows) >= 35 and {row[1][1:3].strip("]") for row in rows} == {str(lab) for lab in range(1, 13)}
    for formula, lab, code, tests in rows:
        (path,) = re.findall(r"\]\((.+)\)", lab)
        assert "stated(" in (project / "references" / path).read_text(encoding="utf-8"), formula
        for name in re.findall(r"`((?:\w+/)+[\w.]*)`", code):
            assert (package / name).exists() or (project / name).exists(), f"{formula}: {name}"
        for group, option in re.findall(r"`(data|model)=(\w+)`", code):
            configs = (package / "configs", project / "vendor/hyperplane/configs")
            assert any((place / group / f"{option}.yaml").is_file() for place in configs), (
                f"{formula}: {group}={option}"
            )
        proofs = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", tests)
        assert proofs or re.search("the lab's own|exercise's check|no formula", tests), formula
        assert len(proofs) == tests.count("`") // 2, f"{formula}: a test is named by its file and function"
        for name, function in proofs:
            place = TEMPLATE if name.startswith("tests/engine/") else project
            assert f"def {function}(" in (place / name).read_text(encoding="utf-8"), f"{formula}: {function}"


def test_the_teachers_page_and_the_labs_say_the_same() -> None:
    page = (LABS / "README.md").read_text(encoding="utf-8")
    for name, minutes in re.findall(r"\]\((lab_\w+\.py)\) \| .+ \| (\d+) \| \d+ \|", page):
        assert re.search(rf"About\s+{minutes}\s+minutes", (LABS / name).read_text(encoding="utf-8")), name
    assert len(re.findall(r"^\| \[\d+ ", page, re.MULTILINE)) == 12


@pytest.mark.parametrize(
    ("check", "answer", "said"),
    [
        ("gradient_of_a_line", lambda w, b, z, y: None, "its `return` missing"),
        ("gradient_of_a_line", lambda w, b, z, y: (np.mean((w * z + b - y) * z), np.mean(w * z + b - y)), "∂J/∂w is"),
        ("gradient_of_a_line", lambda w, b, z, y: [2 * np.mean((w * z + b - y) * v) for v in (z, 1)], None),
        ("hinge_slopes", lambda w, b, x, t: (-t @ x / len(t), -t.mean()), "∂J/∂w[0] is"),
        ("hinge_slopes", lambda w, b, x, t: (lambda c: (-c @ x / len(t), -c.mean()))(t * (t * (x @ w + b) < 1)), None),
        ("kernel_of_a_lift", lambda x, z: (x @ z) ** 2, "not"),
        ("kernel_of_a_lift", lambda x, z: ((x[:2] @ z[:2]) + 1) ** 2, "any number of them"),
        ("kernel_of_a_lift", lambda x, z: (x @ z) ** 2 + 2 * x @ z + 1, None),
        ("collapsed", lambda W1, b1, W2, b2: (W1 @ W2, b2), "first bias"),
        ("collapsed", lambda W1, b1, W2, b2: (W1 @ W2, np.tile(b1 @ W2 + b2, (10, 1))), "shape (2,)"),
        ("bigrams", lambda tokens, kinds, alpha: np.full((kinds, kinds), np.nan), "never occurs"),
        ("power_law", lambda n, L: tuple(np.polyfit(np.log(n), np.log(L), 1)[::-1]), "mind its sign"),
    ],
)  # fmt: skip
def test_a_check_says_what_is_wrong_and_accepts_what_is_right_otherwise(
    monkeypatch: pytest.MonkeyPatch, check: str, answer: Callable[..., Any], said: str | None
) -> None:
    monkeypatch.syspath_prepend(LABS)
    checks = importlib.import_module("exercises")
    if said is None:
        getattr(checks, f"check_{check}")(answer)
    else:
        with pytest.raises(AssertionError, match=re.escape(said)):
            getattr(checks, f"check_{check}")(answer)


def extras(project: Path) -> set[str]:
    """Return the names of a project's optional dependencies."""
    return {
        *tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    }
