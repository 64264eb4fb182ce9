"""A fresh project meets its own table at every stage, a spoiled one does not, and promote leads from first to last."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from checks import git
from conftest import CHOICES, OWN_TESTS_IN, Bake, OwnTests, package_of, python

pytestmark = pytest.mark.slow

STAGES = CHOICES["stage"]
NOT_FOR_CONCEPTS = 7  # topics that only slow down

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


@pytest.fixture(scope="session")
def one_cache(clean_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One cache of mypy for all: the sources are the same, and torch takes it half a minute."""
    return clean_environment | {"MYPY_CACHE_DIR": str(tmp_path_factory.mktemp("mypy"))}


@pytest.fixture
def measured(bake: Bake, own_tests: OwnTests) -> Path:
    """The coverage file of the whole suite, which ran at the last stage."""
    own_tests["mps"].result()
    return bake(**OWN_TESTS_IN["mps"]) / ".coverage"


def codestyle(project: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = ("-m", f"{package_of(project)}.codestyle", *arguments)
    return python(project, *command, check=False, env=environment)


def table(done: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Return each topic's line of codestyle --json."""
    return {line["topic"]: line for line in json.loads(done.stdout)["topics"]}


@pytest.mark.parametrize("stage", STAGES)
def test_a_fresh_project_meets_its_table(bake: Bake, measured: Path, one_cache: dict[str, str], stage: str) -> None:
    project = bake(stage=stage)
    shutil.copy(measured, project)  # of the same code
    done = codestyle(project, one_cache, "--json")
    lines = table(done)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {name: line for name, line in lines.items() if line["status"] != "met"} == {}
    assert len(lines) == {"concept": 14 - NOT_FOR_CONCEPTS, "proof-of-concept": 12}.get(stage, 14)


def test_a_project_spoiled_in_14_ways_gives_14_findings(bake: Bake, tmp_path: Path, one_cache: dict[str, str]) -> None:
    project = Path(shutil.copytree(bake(stage="deployment"), tmp_path / "spoiled"))
    package = package_of(project)
    for name, text in [("Makefile", "\ntest:"), ("pyproject.toml", "\ntemplate_version =")]:
        file = project / name
        assert file.read_text(encoding="utf-8").count(text) == 1
        file.write_text(file.read_text(encoding="utf-8").replace(text, f"\nnot_{text[1:]}"), encoding="utf-8")
    shutil.rmtree(project / "tests")
    for _, path, text, _ in SPOILED_FILES:
        (project / path.format(package)).write_text(text, encoding="utf-8")
    git(project, "add", "--all")
    (project / "notes.py").write_text("", encoding="utf-8")

    done = codestyle(project, one_cache, "--json")
    assert done.returncode == 1, done.stderr
    lines = table(done)
    found = {name: [(f["path"], f["line"]) for f in line["findings"]] for name, line in lines.items()}
    written = (project / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    expected = {topic: [(path.format(package), line)] for topic, path, _, line in SPOILED_FILES}
    expected |= {topic: [(path, 1)] for topic, path in FOUND_ELSEWHERE.items()}
    for topic, section in {"cookiecutter": "[tool.hyperplane]", "tests": "[tool.pytest.ini_options]"}.items():
        expected[topic] = [("pyproject.toml", written.index(section) + 1)]
    assert found == expected and len(found) == 14
    assert {line["status"] for line in lines.values()} == {"not met"}


def test_promote_leads_from_concept_to_deployment(
    bake: Bake, tmp_path: Path, measured: Path, one_cache: dict[str, str]
) -> None:
    project = Path(shutil.copytree(bake(), tmp_path / "promoted"))
    answers = {"project_name": "Mine", "stage": "concept", "ci": "github"}
    state = {"template": "a place", "context": {"cookiecutter": answers}}
    (project / ".cruft.json").write_text(json.dumps(state, indent=2))
    for stage in STAGES[1:]:
        shutil.copy(measured, project)
        done = codestyle(project, one_cache, "promote")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"The stage is {stage} now" in done.stdout
        fresh = bake(stage=stage) / "pyproject.toml"
        assert (project / "pyproject.toml").read_text(encoding="utf-8") == fresh.read_text(encoding="utf-8")
        answers["stage"] = stage
        assert (project / ".cruft.json").read_text() == json.dumps(state, indent=2), "what cruft update compares with"
    assert git(project, "diff", "--name-only").split() == ["pyproject.toml"]
    assert codestyle(project, one_cache, "promote").returncode == 2


@pytest.mark.parametrize("stage", [*STAGES, "unknown"])
def test_make_check_does_what_the_stage_asks_for(bake: Bake, tmp_path: Path, stage: str) -> None:
    project = Path(shutil.copytree(bake(), tmp_path / "made", ignore=shutil.ignore_patterns(".git")))
    file = project / "pyproject.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"concept"', f'"{stage}"'), encoding="utf-8")
    commands = project / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name in ("ruff", "mypy", "python", "codestyle"):
        (commands / name).write_text(f'#!/bin/sh\necho "{name} $*"\n')
        (commands / name).chmod(0o755)
    (project / ".venv" / ".ready").touch()
    environment = {"PATH": os.environ["PATH"]}
    made = subprocess.run(["make", "check"], cwd=project, capture_output=True, text=True, env=environment, check=True)
    said = [line for line in made.stdout.splitlines() if not line.startswith((".venv", "make"))]
    lint = ["ruff check", "ruff format --check"]
    assert [line.strip() for line in said] == {
        "concept": lint,
        "proof-of-concept": ["mypy", *lint, "python -m pytest"],
        "product": ["mypy", *lint, "python -m pytest --cov", "codestyle"],
        "deployment": ["mypy", *lint, "python -m pytest --cov", "codestyle"],
        "unknown": ["codestyle"],  # which says what is wrong with it
    }[stage]
