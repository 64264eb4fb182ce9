"""Any two answers make a project that parses, lints and records them."""

import shutil
import tomllib
from pathlib import Path

import pytest
from checks import assert_committed, assert_lints, assert_parses
from conftest import ANY_TWO, CHOICES, QUESTIONS, TEMPLATE, Bake, bake_into, python
from covering import Pair, pairs_of
from in_background import Pending

LICENCES = {
    "MIT": ("MIT", "MIT License"),
    "Apache-2.0": ("Apache-2.0", "END OF TERMS AND CONDITIONS"),
    "BSD-3-Clause": ("BSD-3-Clause", "3. Neither the name"),
    "GPL-3.0": ("GPL-3.0-only", "END OF TERMS AND CONDITIONS"),
    "Proprietary": ("LicenseRef-Proprietary", "All rights reserved."),
}
RECORDED = ("stage", "hardware", "tracking")
CI_FILES = {"github": ".github/workflows/ci.yml", "gitlab": ".gitlab-ci.yml"}


def pyproject(project: Path) -> dict:  # type: ignore[type-arg]
    return tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))


def test_any_two_answers_meet_in_a_row() -> None:
    met = set[Pair]().union(*(pairs_of(row) for row in ANY_TWO))
    every = {
        frozenset({(first, a), (second, b)})
        for first in CHOICES
        for second in CHOICES
        if first != second
        for a in CHOICES[first]
        for b in CHOICES[second]
    }
    assert met == every and len(every) == 224
    assert len(ANY_TWO) <= 24


@pytest.mark.parametrize("answers", ANY_TWO, ids=["-".join(row.values()) for row in ANY_TWO])
def test_any_two_answers_make_a_project_that_parses_and_lints(bake: Bake, answers: dict[str, str]) -> None:
    project = bake(**answers)
    assert_parses(project)
    assert_lints(project)
    assert_committed(project)
    written = pyproject(project)
    assert written["project"]["requires-python"] == f">={answers['python_version']}"
    assert {key: written["tool"]["hyperplane"][key] for key in RECORDED} == {key: answers[key] for key in RECORDED}


@pytest.mark.slow
def test_the_types_of_every_project_are_right(types: Pending) -> None:
    done = types.result()
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-3000:]
    assert done.stdout.count("Success: no issues found") > 4


def test_every_question_has_a_prompt_for_people() -> None:
    prompts = QUESTIONS["__prompts__"]
    asked = [question for question in QUESTIONS if not question.startswith("_")]
    assert list(prompts) == asked
    for question, values in CHOICES.items():
        assert prompts[question].keys() == {"__prompt__", *values}


@pytest.mark.parametrize("license", LICENCES)
def test_the_licence_is_the_chosen_one_in_full(bake: Bake, license: str) -> None:
    project = bake(license=license)
    spdx, sentence = LICENCES[license]
    assert sentence in (project / "LICENSE").read_text(encoding="utf-8")
    assert pyproject(project)["project"]["license"] == spdx
    assert not (project / "licenses").exists()


@pytest.mark.parametrize("ci", ["github", "gitlab", "none"])
def test_only_the_chosen_ci_is_kept(bake: Bake, ci: str) -> None:
    project = bake(ci=ci)
    kept = {service for service, path in CI_FILES.items() if (project / path).exists()}
    assert kept == {ci} - {"none"}


def test_tensorboard_is_installed_where_it_is_the_default(bake: Bake, project: Path) -> None:
    def needs_tensorboard(project: Path) -> bool:
        dependencies = pyproject(project)["project"]["dependencies"]
        return any(dependency.startswith("tensorboard") for dependency in dependencies)

    assert needs_tensorboard(bake(tracking="tensorboard"))
    assert not needs_tensorboard(project)


def test_the_version_and_the_pins_are_the_same_everywhere(project: Path) -> None:
    assert pyproject(TEMPLATE)["project"]["version"] == QUESTIONS["_version"]
    assert pyproject(project)["tool"]["hyperplane"]["template_version"] == QUESTIONS["_version"]
    pins = (TEMPLATE / "constraints.txt").read_text(encoding="utf-8")
    assert (project / "constraints.txt").read_text(encoding="utf-8") == pins


def test_caches_in_the_template_stay_there(tmp_path: Path) -> None:
    template = tmp_path / "template"
    for name in ("hooks", "{{cookiecutter.project_slug}}"):
        shutil.copytree(TEMPLATE / name, template / name)
    shutil.copy(TEMPLATE / "cookiecutter.json", template)
    for name in (".mypy_cache", "src/.ruff_cache", "tests/__pycache__"):
        cache = template / "{{cookiecutter.project_slug}}" / name / "deep"
        cache.mkdir(parents=True)
        (cache / "{{ broken").write_bytes(b"\xff{{ cookiecutter.nothing")
    project = bake_into(template, tmp_path)
    assert [path for path in project.rglob("*") if path.name == "{{ broken"] == []
    assert_committed(project)


def test_the_template_passes_its_own_style_checks() -> None:
    # What lies in src/ is checked in each project; the engine is not.
    code = ("pyproject.toml", "docs", "hooks", "tests", "benchmarks")
    for config, *places in (code, ("ruff-engine.toml", "{{cookiecutter.project_slug}}/vendor")):
        for command in (["check"], ["format", "--check"]):
            python(TEMPLATE, "-m", "ruff", *command, "--no-cache", "--config", config, *places)
