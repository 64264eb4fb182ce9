"""300 hostile answers: 120 make a project that is right in every file, 180 are refused in one sentence each."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from checks import assert_committed, assert_parses, git, problem, read_yaml
from conftest import TEMPLATE, bake_into, python
from hostile_answers import Hostile, hostile_answers

SEED = 20261125
ALL = hostile_answers(300, SEED)
PROJECT = "{{cookiecutter.project_slug}}"


CACHES = shutil.ignore_patterns("__pycache__", ".*_cache")


def without_the_engine(folder: str, names: list[str]) -> set[str]:
    """Say what is not copied: no answer is written into the engine. The hook after the baking runs its digest.py."""
    left_out = {*names} - {"hyperplane", "digest.py"} if "/vendor" in folder else set()
    return {*CACHES(folder, names), *left_out}


def without_content(source: str, target: str) -> None:
    """Copy a file, or where it is the same in every project (Python under src/) only its name."""
    if "/src/" in source and source.endswith(".py"):
        Path(target).touch()
    else:
        shutil.copy(source, target)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template without what has nothing to do with the answers: it makes a project in a third of the time."""
    template = tmp_path_factory.mktemp("template")
    shutil.copytree(TEMPLATE / "hooks", template / "hooks", ignore=CACHES)
    shutil.copytree(TEMPLATE / PROJECT, template / PROJECT, ignore=without_the_engine, copy_function=without_content)
    shutil.copy(TEMPLATE / "cookiecutter.json", template)
    return template


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Hostile, Path | str]]:
    """For each set of answers the project that cookiecutter made, with both hooks, or the words it ended with."""
    folder = tmp_path_factory.mktemp("made")
    outcomes: list[tuple[Hostile, Path | str]] = []
    for number, hostile in enumerate(ALL):
        parent = folder / str(number)
        parent.mkdir()
        try:
            outcomes.append((hostile, bake_into(template, parent, **hostile.answers)))
        except SystemExit as refused:
            assert list(parent.iterdir()) == []
            outcomes.append((hostile, str(refused.code)))
    return outcomes


@pytest.fixture(scope="module")
def projects(made: list[tuple[Hostile, Path | str]]) -> list[tuple[dict[str, str], Path]]:
    return [(hostile.answers, outcome) for hostile, outcome in made if isinstance(outcome, Path)]


def test_the_right_answers_are_accepted_and_each_wrong_one_is_refused_in_its_sentence(
    made: list[tuple[Hostile, Path | str]],
) -> None:
    for hostile, outcome in made:
        if hostile.reason is None:
            assert isinstance(outcome, Path), f"{hostile.answers} were refused: {outcome}"
        else:
            assert isinstance(outcome, str), f"{hostile.answers} were accepted"
            assert hostile.reason in outcome and len(outcome.splitlines()) == 1, (hostile, outcome)
    assert [isinstance(outcome, Path) for _, outcome in made].count(True) == 120 and len(made) == 300


def test_every_file_of_every_project_parses(projects: list[tuple[dict[str, str], Path]]) -> None:
    files = [path for _, project in projects for path in project.rglob("*") if ".git" not in path.parts]
    # Python is parsed by ruff, in the test below; readers of CITATION.cff take it for YAML.
    texts = [(path, path.read_text(encoding="utf-8")) for path in files if path.is_file() and path.suffix != ".py"]
    assert len(texts) > 40 * len(projects)
    found = {path: problem(".yaml" if path.suffix == ".cff" else path.suffix, text) for path, text in texts}
    assert {path: why for path, why in found.items() if why} == {}


def test_every_project_passes_its_lint(projects: list[tuple[dict[str, str], Path]], made: object) -> None:
    # One process for all; each project's own pyproject.toml is what ruff follows for its files.
    folder = projects[0][1].parents[1]
    checked = python(folder, "-m", "ruff", "check", "--no-cache", "--show-files").stdout.splitlines()
    assert {str(project / "tests" / "conftest.py") for _, project in projects} <= {*checked}
    python(folder, "-m", "ruff", "check", "--no-cache", "--output-format=concise")
    python(folder, "-m", "ruff", "format", "--check", "--no-cache", "--diff")


def test_the_answers_arrive_unchanged(projects: list[tuple[dict[str, str], Path]]) -> None:
    for answers, project in projects:
        author = {"name": answers["author_name"], "email": answers["author_email"]}
        written = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        assert (written["name"], written["description"]) == (project.name, answers["description"])
        assert written["authors"] == [author]
        citation = read_yaml((project / "CITATION.cff").read_text(encoding="utf-8"))
        assert (citation["title"], citation["abstract"]) == (answers["project_name"], answers["description"])
        assert citation["authors"] == [author]
        readme = (project / "README.md").read_text(encoding="utf-8")
        assert readme.startswith(f"# {answers['project_name']}\n\n{answers['description']}\n\n")
        assert project.name == answers.get("project_slug", project.name)
        assert (project / "src" / answers.get("package_name", "")).is_dir()


def test_every_project_is_committed(projects: list[tuple[dict[str, str], Path]]) -> None:
    for _, project in projects:
        assert_committed(project)


@pytest.mark.parametrize("number", range(0, 300, 100))
def test_the_whole_template_makes_of_them_what_the_small_one_makes(
    number: int, made: list[tuple[Hostile, Path | str]], tmp_path: Path
) -> None:
    hostile, small = made[number]
    project = bake_into(TEMPLATE, tmp_path, **hostile.answers)
    assert isinstance(small, Path)
    assert_parses(project)
    names = git(project, "ls-files", "-z").split("\0")[:-1]
    copied = re.compile("vendor/|references/|src/.*py$")
    rendered = [name for name in names if not copied.match(name)]
    assert len(rendered) > 60
    for name in rendered:
        assert (small / name).read_bytes() == (project / name).read_bytes()


# Without NUL and lone surrogates, which no command line can hold.
TYPED = [
    hostile for hostile in ALL if hostile.reason and not {*"\0\ud800\udfff"} & {*"".join(hostile.answers.values())}
]
TYPED = TYPED[:: len(TYPED) // 8]


@pytest.mark.parametrize(
    ("hostile", "tool"), [(hostile, ("cookiecutter", "cruft")[number % 2]) for number, hostile in enumerate(TYPED)]
)
def test_a_refusal_on_the_command_line_is_one_sentence_and_no_traceback(
    hostile: Hostile, tool: str, template: Path, tmp_path: Path
) -> None:
    given = [f"{question}={answer}" for question, answer in hostile.answers.items()]
    words = {
        "cookiecutter": ["cookiecutter", str(template), "--no-input", *given],
        "cruft": ["cruft", "create", str(TEMPLATE), "--no-input", "--extra-context", json.dumps(hostile.answers)],
    }[tool]
    done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert hostile.reason and hostile.reason in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
