"""A fresh project meets its own table at every stage, a spoiled one does not, and promote leads from first to last."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from checks import assert_lints, git
from conftest import CHOICES, Bake, package_of, python
from in_background import UNTESTED, UNTESTED_IN, OwnTests, Pending

pytestmark = pytest.mark.slow

STAGES = CHOICES["stage"]
ALWAYS = {"pathlib", "loguru", "pydantic", "pyproject", "cookiecutter", "git", "linting"}
LATER = {"type_hints", "makefiles", "encapsulation", "open_closed", "single_responsibility"}
LAST = {"abstract_classes", "tests"}
# What is looked at; the others would slow down.
TOPICS = {"concept": ALWAYS, "proof-of-concept": ALWAYS | LATER} | dict.fromkeys(STAGES[2:], ALWAYS | LATER | LAST)
LONG = {"stage": "deployment", "package_name": "a_package_name_of_32_letters_lon"}

# One habit of the table each: topic, file, its text, and the line that is to be found. {} is the folder of the package.
CHOOSING = """\
def width(model: str) -> int:
    result = 0
    if model == "mlp":
        result = 1
    elif model == "cnn":
        result = 2
    elif model == "rnn":
        result = 3
    return result
"""
ALIKE = "\n\n".join(
    f"class {name}:\n    def fit(self) -> None: ...\n\n    def predict(self) -> None: ...\n" for name in "AB"
)
BRANCHES = "".join(f"    if a == {number}:\n        return {number + 1}\n" for number in range(7))
SPOILED_FILES = [
    ("pathlib", "src/{}/joined.py", 'import os\n\nHERE = os.path.join("a", "b")\n', 3),
    ("loguru", "src/{}/said.py", 'X = 1\nprint("x")\n', 2),
    ("pydantic", "src/{}/defaults.py", 'X = 1\nSETTINGS = {"learning_rate": 0.1}\n', 2),
    ("pyproject", "requirements.txt", "torch\n", 1),
    ("linting", "src/{}/unused.py", '"""A module."""\n\nimport json\n', 3),
    ("type_hints", "src/{}/untyped.py", '"""A module."""\n\nX: int = "a"\n', 3),
    ("encapsulation", "src/{}/prying.py", "import os\n\nX = os._hidden  # type: ignore[attr-defined]\n", 3),
    ("open_closed", "src/{}/choosing.py", CHOOSING, 3),
    ("single_responsibility", "src/{}/long.py", f"def f(a: int) -> int:\n{BRANCHES}    return a\n", 1),
    ("abstract_classes", "src/{}/alike.py", ALIKE, 7),
]
FOUND_ELSEWHERE = {"cookiecutter": "pyproject.toml", "makefiles": "Makefile", "git": "notes.py"}


@pytest.fixture
def filled_cache(one_cache: dict[str, str], types: Pending) -> dict[str, str]:
    """What mypy has read of the libraries, once it has: two at a time would both read them."""
    types.result()
    return one_cache


@pytest.fixture
def measured(own_tests: OwnTests) -> Path:
    """The coverage file of the whole suite with all examples."""
    own_tests["default"].done.result()
    return own_tests["default"].project / ".coverage"


def codestyle(project: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return python(project, "-m", package_of(project), "codestyle", *arguments, check=False, env=environment)


def table(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Return each topic's row of codestyle --json."""
    return {row["topic"]: row for row in json.loads(done.stdout)["topics"]}


@pytest.mark.parametrize("answers", [LONG, LONG | {"examples": "minimal"}])
def test_a_project_of_any_name_meets_each_topic_but_the_tests(
    bake: Bake, filled_cache: dict[str, str], answers: dict[str, str]
) -> None:
    """The order of imports and the length of lines may not depend on what its package is called."""
    project = bake(**answers)
    wanted = TOPICS[answers["stage"]] - {"tests"}
    assert_lints(project)
    topics = [word for topic in wanted for word in ("--topic", topic)]
    rows = table(codestyle(project, filled_cache, *topics, "--json"))
    assert {topic: row for topic, row in rows.items() if row["status"] != "met"} == {}
    assert rows.keys() == wanted


def test_whatever_is_wrong_in_the_engine_is_not_the_users(
    bake: Bake, tmp_path: Path, filled_cache: dict[str, str]
) -> None:
    project = Path(shutil.copytree(bake(stage="deployment"), tmp_path / "project"))
    with (project / "vendor" / "hyperplane" / "errors.py").open("a", encoding="utf-8") as file:
        file.write("import json\nCOUNT: int  =  'a'\nSETTINGS = {'lr': 0.1, 'epochs': 3}\n")
    (project / "vendor" / "hyperplane" / "unknown.py").write_text("print(undefined)\n", encoding="utf-8")
    assert_lints(project)
    python(project, "-m", "mypy", env=filled_cache)
    topics = [word for topic in TOPICS["deployment"] - {"tests"} for word in ("--topic", topic)]
    rows = table(codestyle(project, filled_cache, *topics, "--json"))
    assert {topic: row["findings"] for topic, row in rows.items() if row["findings"]} == {}


@pytest.mark.parametrize("stage", STAGES)
def test_a_fresh_project_meets_its_table(bake: Bake, measured: Path, filled_cache: dict[str, str], stage: str) -> None:
    project = bake(stage=stage)
    if project != measured.parent:
        shutil.copy(measured, project)  # of the same code
    done = codestyle(project, filled_cache, "--json")
    rows = table(done)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {topic: row for topic, row in rows.items() if row["status"] != "met"} == {}
    assert rows.keys() == TOPICS[stage]


def test_an_untested_model_of_ones_own_is_all_that_is_found(own_tests: OwnTests, tmp_path: Path) -> None:
    """However well the models that come with the project are tested: all tests pass, and run enough of the rest."""
    project, pending = own_tests[UNTESTED_IN]
    done = pending.result()
    assert done.returncode == 1, done.stderr
    result = table(done)["tests"]
    mine = f"src/{package_of(project)}/models/mine.py"
    line = UNTESTED.splitlines().index("        super().__init__()") + 1
    assert [(found["path"], found["line"]) for found in result["findings"]] == [(mine, line)], done.stdout
    python(project, "-m", "coverage", "json", "-q", "-o", str(tmp_path / "report.json"))
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    everything, of_mine = report["totals"], report["files"][mine]["summary"]
    run, lines = everything["covered_lines"], everything["num_statements"]
    assert result["checked"].endswith(f"it is {100 * run / lines:.0f} %") and of_mine["covered_lines"] == 0
    assert run / lines >= 0.8 and run / (lines - of_mine["num_statements"]) > 0.9


def test_a_project_spoiled_in_14_ways_gives_14_findings(
    bake: Bake, tmp_path: Path, filled_cache: dict[str, str]
) -> None:
    project = Path(shutil.copytree(bake(stage="deployment"), tmp_path / "spoiled"))
    package = package_of(project)
    for name, text in [("Makefile", "\ntest:"), ("pyproject.toml", "\ntemplate_version =")]:
        file = project / name
        assert file.read_text(encoding="utf-8").count(text) == 1
        file.write_text(file.read_text(encoding="utf-8").replace(text, f"\nnot_{text[1:]}"), encoding="utf-8")
    shutil.rmtree(project / "tests", ignore_errors=True)
    for _, path, text, _ in SPOILED_FILES:
        (project / path.format(package)).write_text(text, encoding="utf-8")
    git(project, "add", "--all")
    (project / "notes.py").write_text("", encoding="utf-8")

    done = codestyle(project, filled_cache, "--json")
    assert done.returncode == 1, done.stderr
    rows = table(done)
    found = {name: [(f["path"], f["line"]) for f in row["findings"]] for name, row in rows.items()}
    written = (project / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    expected = {topic: [(path.format(package), line)] for topic, path, _, line in SPOILED_FILES}
    expected |= {topic: [(path, 1)] for topic, path in FOUND_ELSEWHERE.items()}
    for topic, section in {"cookiecutter": "[tool.hyperplane]", "tests": "[tool.pytest.ini_options]"}.items():
        expected[topic] = [("pyproject.toml", written.index(section) + 1)]
    assert found == expected and len(found) == 14
    assert {row["status"] for row in rows.values()} == {"not met"}


def test_promote_leads_from_concept_to_deployment(
    bake: Bake, tmp_path: Path, measured: Path, filled_cache: dict[str, str]
) -> None:
    project = Path(shutil.copytree(bake(), tmp_path / "promoted"))
    answers = {"project_name": "Mine", "stage": "concept", "ci": "github"}
    state = {"template": "a place", "context": {"cookiecutter": answers}}
    (project / ".cruft.json").write_text(json.dumps(state, indent=2))
    for stage in STAGES[1:]:
        shutil.copy(measured, project)
        done = codestyle(project, filled_cache, "promote")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"The stage is {stage} now" in done.stdout
        fresh = bake(stage=stage) / "pyproject.toml"
        assert (project / "pyproject.toml").read_text(encoding="utf-8") == fresh.read_text(encoding="utf-8")
        answers["stage"] = stage
        assert (project / ".cruft.json").read_text() == json.dumps(state, indent=2), "what cruft update compares with"
    assert git(project, "diff", "--name-only").split() == ["pyproject.toml"]
    assert codestyle(project, filled_cache, "promote").returncode == 2


@pytest.mark.parametrize("stage", [*STAGES, "unknown"])
def test_make_check_does_what_the_stage_asks_for(bake: Bake, tmp_path: Path, stage: str) -> None:
    project = Path(shutil.copytree(bake(), tmp_path / "made", ignore=shutil.ignore_patterns(".git")))
    file = project / "pyproject.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"concept"', f'"{stage}"'), encoding="utf-8")
    commands = project / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name in ("ruff", "mypy", "python", "codestyle", "lint-imports"):
        (commands / name).write_text(f'#!/bin/sh\necho "{name} $*"\n')
        (commands / name).chmod(0o755)
    (project / ".venv" / ".ready").write_text(f"{project.resolve()}\n")
    environment = {"PATH": os.environ["PATH"]}
    made = subprocess.run(["make", "check"], cwd=project, capture_output=True, text=True, env=environment, check=True)
    said = [line for line in made.stdout.splitlines() if not line.startswith((".venv", "make"))]
    lint = [
        "python -m my_research schema",
        "python -P vendor/hyperplane/digest.py",
        "lint-imports --no-cache --no-logo",
        "ruff check",
        "ruff format --check",
    ]
    assert [line.strip() for line in said] == {
        "concept": lint,
        "proof-of-concept": ["mypy", *lint, "python -m pytest"],
        "product": ["mypy", *lint, "python -m pytest --cov", "codestyle"],
        "deployment": ["mypy", *lint, "python -m pytest --cov --cov-fail-under=80", "codestyle"],
        "unknown": ["codestyle"],  # which says what is wrong with it
    }[stage]
