"""codestyle: each check finds what it should, and nothing where all is well; promote changes little, and only then."""

import difflib
import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.codestyle import main
from {{ cookiecutter.package_name }}.mistakes import UserMistake
from {{ cookiecutter.package_name }}.standards.answers import Answer, Finding
from {{ cookiecutter.package_name }}.standards.checks import check_of
from {{ cookiecutter.package_name }}.standards.project import Project
from {{ cookiecutter.package_name }}.standards.promotion import promoted
from {{ cookiecutter.package_name }}.standards.table import COVERAGE, GOOD, MUST, SLOWS, STAGES, TOPICS, rules_at

HERE = Path(__file__).parents[1]
PYPROJECT = """\
[project]
name = "tiny"
version = "0"
dependencies = ["pydantic>=2"]

[tool.hyperplane]
template_version = "0.1.0"
stage = "concept"  # mine

[tool.ruff.lint]
select = [
  "E", "F",  # my choice ]
]

[tool.ruff.lint.per-file-ignores]
"tests/*" = ["ANN", "S"]

[tool.mypy]
strict = true
"""
AREA = '''\
"""Areas."""


def area(width: float, height: float) -> float:
    """Return the area of a rectangle."""
    return width * height
'''
TEST = "from area import area\n\n\ndef test_area():\n    assert area(2, 3) == 6\n"
TINY = {
    "pyproject.toml": PYPROJECT,
    "Makefile": "test: setup\n\tpytest\n",
    ".gitignore": ".coverage\n.*_cache/\n__pycache__/\n",
    "src/area.py": AREA,
    "tests/test_area.py": TEST,
}
BRANCHES = "if model == 'mlp':\n    f(1)\nelif model == 'cnn':\n    f(2)\n"
METHODS = "    def fit(self): ...\n    def predict(self): ...\n\n\n"
PAIR = "class A{}:\n" + METHODS + "class B{}:\n" + METHODS
RETURNS = "".join(f"    if a == {i}:\n        return {i}\n" for i in range(7))
DATACLASS = "from dataclasses import dataclass\n\n\n@dataclass\nclass TrainConfig:\n    lr: float\n"

# topic, the file that spoils a tiny project, and the line that is found
SPOILED = [
    ("pathlib", "src/b.py", "import os\n\nos.path.join('a', 'b')\n", 3),
    ("loguru", "src/b.py", "x = 1\nprint(x)\n", 2),
    ("loguru", "src/b.py", "import logging\n\nlogging.warning('x')\n", 3),
    ("pydantic", "src/b.py", "import os\nSETTINGS = {'lr': 0.1}\n", 2),
    ("pydantic", "src/b.py", "TRAIN_CONFIG = dict(lr=0.1)\n", 1),
    ("pydantic", "src/b.py", DATACLASS, 5),
    ("pydantic", "src/b.py", "class Settings:\n    lr = 0.1\n", 1),
    ("pydantic", "src/b.py", "import os\n\nLR = float(os.environ.get('LR', 0.1))\n", 3),
    ("pydantic", "src/b.py", "import os\n\nLR = float(os.environ['LR'])\n", 3),
    ("pydantic", "src/b.py", "parser.add_argument('--lr', type=float, default=0.1)\n", 1),
    ("pyproject", "requirements.txt", "torch\n", 1),
    ("pyproject", "setup.py", "", 1),
    ("pyproject", "src/b.py", "import area\nimport nowhere.deep\n", 2),
    ("pyproject", "pyproject.toml", "[tool.hyperplane]\nstage = 'concept'\n", 1),
    ("cookiecutter", "pyproject.toml", PYPROJECT.replace("template_version", "other"), 6),
    ("linting", "src/b.py", "x = 1\nimport os\n", 2),
    ("linting", "src/b.py", "a = 1\nb = 2\nc = 3\nd = 4\nx  =  1\n", 5),
    ("linting", "src/b.py", "a = 1\ndef (:\n", 2),
    ("makefiles", "Makefile", ".PHONY: test\nCHECKS := lint test\ntests:\n\tpytest\n", 1),
    ("encapsulation", "src/b.py", "import area\n\narea._hidden\n", 3),
    ("open_closed", "src/b.py", BRANCHES + "elif model == 'rnn':\n    f(3)\n", 1),
    (
        "open_closed",
        "src/b.py",
        (BRANCHES + "elif model in ('a', 'b'):\n    f(3)\n").replace("model", "config['data']"),
        1,
    ),
    (
        "open_closed",
        "src/b.py",
        "match args.optimizer.lower():\n    case 'sgd': f()\n    case 'adam' | 'adamw': g()\n",
        1,
    ),
    ("single_responsibility", "src/b.py", "def f(a):\n" + RETURNS, 1),
    ("abstract_classes", "src/b.py", PAIR.format("", ""), 6),
    ("abstract_classes", "src/b.py", PAIR.format("(nn.Module)", "(nn.Module)"), 6),
]
# topic and a file that is well, however near it comes
WELL = [
    ("loguru", "src/b.py", "from loguru import logger\n\nlogger.info('x')\n"),
    ("pydantic", "src/b.py", "from pydantic import BaseModel\n\n\nclass Settings(BaseModel):\n    lr: float = 0.1\n"),
    ("pydantic", "src/b.py", "import os\n\nJOB = int(os.environ['SLURM_JOB_ID'])\nHOME = os.environ['HOME']\n"),
    ("pydantic", "src/b.py", "parser.add_argument('--limit', type=int)\nCOLOURS = {'a': 1}\n"),
    ("pyproject", "src/b.py", "import json\nfrom . import area\nimport area\nfrom pydantic import BaseModel\n"),
    ("cookiecutter", ".cruft.json", "{}"),
    ("makefiles", "Makefile", "lint test: setup\n\tpytest\n"),
    ("encapsulation", "src/b.py", "class A:\n    def f(self):\n        return self._hidden\n"),
    ("open_closed", "src/b.py", BRANCHES),
    ("open_closed", "src/b.py", BRANCHES.replace("model", "answer") + "elif answer == 'no':\n    f(3)\n"),
    ("single_responsibility", "src/b.py", "def f(a):\n    return [i for i in a if i]\n"),
    ("abstract_classes", "src/b.py", PAIR.format("(Base)", "(Base)")),
    ("abstract_classes", "src/b.py", f"class C:\n{METHODS}class D(C): ...\n\n\n" + PAIR.format("(C)", "(D)")),
    ("abstract_classes", "src/b.py", PAIR.format("(nn.Module)", "(nn.Module)").replace("fit", "forward")),
    ("abstract_classes", "src/b.py", PAIR.format("(Protocol)", "") + PAIR.format("", "").replace("A", "C")),
]


@pytest.fixture
def tiny(tmp_path):
    """`tiny(files)` makes a small project where all is well, but for these files."""

    def make(files: dict[str, str] | None = None) -> Project:
        for name, text in {**TINY, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return Project(tmp_path)

    return make


def answer(project: Project, topic: str, stage: str = "deployment") -> Answer:
    return check_of(topic)(project, stage)


@pytest.mark.parametrize("topic", sorted({topic.name for topic in TOPICS} - {"git", "type_hints", "tests"}))
def test_a_project_where_all_is_well_meets_each_topic(tiny, topic):
    assert answer(tiny(), topic).met


@pytest.mark.parametrize(("topic", "path", "text", "line"), SPOILED, ids=[f"{row[0]}-{row[1]}" for row in SPOILED])
def test_what_is_not_well_is_found_with_its_file_and_line(tiny, topic, path, text, line):
    found = answer(tiny({path: text}), topic).findings
    assert (path, line) in {finding[:2] for finding in found}


@pytest.mark.parametrize(("topic", "path", "text"), WELL, ids=[f"{row[0]}-{row[1]}" for row in WELL])
def test_what_only_looks_alike_is_not_found(tiny, topic, path, text):
    assert answer(tiny({path: text}), topic).findings == []


def test_a_missing_makefile_and_pyproject_are_found(tmp_path):
    (tmp_path / "a.py").write_text("import json\n")
    project = Project(tmp_path)
    assert answer(project, "makefiles").findings == [Finding("Makefile", 1, "there is no Makefile")]
    assert answer(project, "pyproject").findings == [Finding("pyproject.toml", 1, "there is no pyproject.toml")]
    assert not answer(project, "cookiecutter").met


def test_a_library_with_its_own_list_of_names_is_what_pyproject_calls_it(tiny):
    project = tiny({"src/b.py": "import yaml\nimport sklearn\n"})
    assert len(answer(project, "pyproject").findings) == 2
    declared = PYPROJECT.replace('"pydantic>=2"', '"PyYAML>=6", "scikit_learn[extra]; python_version > \'3\'"')
    assert answer(tiny({"pyproject.toml": declared}), "pyproject").met


def test_what_pyproject_ignores_is_ignored(tiny):
    print_allowed = PYPROJECT.replace("select = [", 'ignore = ["T201"]\nselect = [')
    assert answer(tiny({"src/b.py": "print(1)\n", "pyproject.toml": print_allowed}), "loguru").met


def test_git_wants_a_commit_with_the_code_and_without_results(tiny):
    project = tiny()

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *who, *arguments], cwd=project.root, check=True, capture_output=True)

    assert [finding.path for finding in answer(project, "git").findings] == ["pyproject.toml"]
    git("init", "-q")
    assert "no commit yet" in answer(project, "git").findings[0].message
    git("add", "--all")
    git("commit", "-q", "-m", "x")
    assert answer(project, "git").met
    (project.root / "src" / "new.py").write_text("")
    (project.root / "last.ckpt").write_text("")
    git("add", "last.ckpt")
    assert {finding.path for finding in answer(project, "git").findings} == {"src/new.py", "last.ckpt"}


def test_types_are_checked_by_mypy_and_annotations_by_ruff(tiny):
    project = tiny({"src/b.py": "def f(x: int):\n    return x\n", "src/c.py": "x: int = 'a'\n"})
    found = answer(project, "type_hints").findings
    assert [finding[:2] for finding in found] == [("src/b.py", 1), ("src/c.py", 1)]
    (project.root / "src/b.py").unlink()
    (project.root / "src/c.py").unlink()
    assert answer(Project(project.root), "type_hints").met


def test_tests_must_pass_and_run_the_code(tiny):
    project = tiny({"tests/test_b.py": "def test_b():\n    assert 1 == 2\n", "src/b.py": "x = 1\n" * 30})
    tools = '[tool.coverage.run]\nsource = ["src"]\n[tool.pytest.ini_options]\npythonpath = ["src"]\n'
    (project.root / "pyproject.toml").write_text(PYPROJECT + tools)
    found = answer(project, "tests").findings
    assert found[0] == Finding("tests/test_b.py", 1, "test_b fails")
    assert found[1][:2] == ("src/b.py", 1) and found[1].message.startswith("30 lines that no test runs")
    (project.root / "tests/test_b.py").unlink()
    (project.root / "src/b.py").unlink()
    now = answer(project, "tests")
    assert now.met and now.checked.endswith("it is 100 %")
    # The result is newer than all code: the tests are not run again.
    (project.root / ".pytest_cache").rename(project.root / "moved")
    assert answer(project, "tests").met and not (project.root / ".pytest_cache").exists()
    (project.root / "tests/test_area.py").unlink()
    assert answer(project, "tests").findings == [Finding("tests", 1, "there is no test")]


@pytest.mark.parametrize("topic", ["pathlib", "linting", "type_hints", "tests"])
def test_a_tool_that_is_not_installed_is_named_and_its_topic_not_met(tiny, monkeypatch, topic):
    monkeypatch.setattr(Project, "python", lambda project, module, *arguments: None)
    found = answer(tiny(), topic)
    assert not found.met and "not installed" in found.obstacle


def test_the_exit_status_follows_the_level(tiny, capsys):
    project = tiny({"src/b.py": "print(1)\n"})
    here = ["--project", str(project.root), "--topic", "loguru", "--topic", "tests"]
    assert main([*here, "--stage", "concept"]) == 0  # a good idea
    assert f"{GOOD} loguru: src/b.py:1: T201" in capsys.readouterr().out
    assert main([*here, "--stage", "proof-of-concept"]) == 1  # a must
    out = capsys.readouterr().out
    assert f"{MUST} loguru: src/b.py:1: T201" in out and f"{SLOWS} not yet: abstract_classes, tests" in out
    (project.root / "src/b.py").unlink()
    assert main([*here, "--stage", "proof-of-concept"]) == 0


def test_json_and_markdown_say_the_same(tiny, capsys):
    project = tiny({"src/b.py": "print(1)\n"})
    here = ["--project", str(project.root), "--stage", "product", "--topic", "loguru", "--topic", "makefiles"]
    assert main([*here, "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["stage"], said["passed"]) == ("product", False)
    statuses = {topic["topic"]: topic["status"] for topic in said["topics"]}
    assert statuses == {"loguru": "not met", "makefiles": "met"}
    assert said["topics"][0]["findings"] == [{"path": "src/b.py", "line": 1, "message": "T201 `print` found"}]
    assert main([*here, "--markdown"]) == 1
    text = capsys.readouterr().out
    assert "| 🥇 | [prefer loguru over print](references/codestyle/loguru.md) | ✗ not met | ruff: T20, LOG |" in text
    assert "`src/b.py:1` T201" in text


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--stage", "prodict"], "--stage is prodict, and must be one of concept, proof-of-concept"),
        (["--stage", "prodict"], "Did you mean product?"),
        (["--topic", "pathlip"], "Did you mean pathlib?"),
        (["promot"], "Did you mean promote?"),
        (["promote", "--stage", "product"], "only --dry-run goes with it"),
        (["--dry-run"], "--dry-run goes with promote"),
        (["--project", "nowhere"], "no folder nowhere"),
        (["--jsn"], "Did you mean --json?"),
    ],
)
def test_a_mistake_is_one_message(tiny, capsys, arguments, answer):
    project = tiny()
    assert main(["--project", str(project.root), *arguments]) == 2
    said = capsys.readouterr()
    assert answer in said.err and said.out == "" and len(said.err.splitlines()) <= 2


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("[project]\nname = 'x'\n", "says no stage"),
        ("[tool.hyperplane]\nstage = 'beta'\n", "must be one of"),
        ("[tool", "is not TOML"),
        ("[tool.hyperplane]\nstage = 'deployment'\n", "the last stage"),
        ("tool.hyperplane.stage = 'concept'\n", "cannot edit safely"),
    ],
)
def test_promote_refuses_a_pyproject_that_it_does_not_understand(tiny, capsys, text, answer):
    project = tiny()
    (project.root / "pyproject.toml").write_text(text)
    assert main(["promote", "--project", str(project.root)]) == 2
    assert answer in capsys.readouterr().err
    assert (project.root / "pyproject.toml").read_text() == text


def test_promote_says_what_must_change_first_and_then_raises_the_stage(tiny, capsys):
    project = tiny({"src/b.py": "print(1)\n"})
    subprocess.run(["git", "init", "-q"], cwd=project.root, check=True)
    path = project.root / "pyproject.toml"
    assert main(["promote", "--project", str(project.root)]) == 1
    said = capsys.readouterr().out
    assert "  loguru: src/b.py:1: T201" in said and "  git: pyproject.toml:1: no commit yet" in said
    assert path.read_text() == PYPROJECT
    (project.root / "src/b.py").unlink()
    subprocess.run(["git", "add", "-A"], cwd=project.root, check=True)
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *who, "commit", "-qm", "x"], cwd=project.root, check=True)
    assert main(["promote", "--dry-run", "--project", str(project.root)]) == 0
    assert '+stage = "proof-of-concept"  # mine' in capsys.readouterr().out and path.read_text() == PYPROJECT
    assert main(["promote", "--project", str(project.root)]) == 0
    assert "The stage is proof-of-concept now" in capsys.readouterr().out
    assert path.read_text() == promoted(PYPROJECT, "proof-of-concept")


def test_promotion_changes_only_the_lines_of_its_values():
    text = PYPROJECT
    for stage in STAGES[1:]:
        text = promoted(text, stage)
    diff = list(difflib.ndiff(PYPROJECT.splitlines(), text.splitlines()))
    assert [line for line in diff if line.startswith("- ")] == ['- stage = "concept"  # mine']
    result = tomllib.loads(text)["tool"]
    assert result["hyperplane"]["stage"] == "deployment"
    assert result["mypy"] == {"strict": True, "disallow_untyped_defs": True}
    assert result["coverage"]["report"]["fail_under"] == COVERAGE
    assert set(rules_at("deployment")) == set(result["ruff"]["lint"]["select"])


@pytest.mark.parametrize(
    "select",
    [
        '["E"]',
        '["E",]',
        '[ "E" ]',
        '["E", # ]\n]',
        '[\n  "E"\n]',
        '[\n  "E" # the last\n]',
        '["ALL"]',
        '["E","F"]\nextend-select = ["B"]',
    ],
)
def test_rules_are_added_however_the_list_is_written(select):
    text = f'[tool.hyperplane]\nstage = "concept"\n\n[tool.ruff.lint]\nselect = {select}\n'
    chosen = tomllib.loads(promoted(text, "proof-of-concept"))["tool"]["ruff"]["lint"]
    rules = set(chosen["select"]) | set(chosen.get("extend-select", ()))
    assert rules == {"ALL"} if "ALL" in rules else rules == set(rules_at("proof-of-concept"))


def test_a_list_that_cannot_be_edited_is_left_to_the_user():
    text = '[tool.hyperplane]\nstage = "concept"\n\n[tool.ruff]\nlint.select = ["E"]\n'
    with pytest.raises(UserMistake, match="cannot edit safely"):
        promoted(text, "product")


def test_this_project_is_configured_for_its_stage():
    tool = tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    stage = tool["hyperplane"]["stage"]
    assert set(rules_at(stage)) <= set(tool["ruff"]["lint"]["select"])
    assert tool["mypy"]["disallow_untyped_defs"] is (stage in ("product", "deployment"))
    assert tool["coverage"]["report"]["fail_under"] == (COVERAGE if stage == "deployment" else 0)


def test_rules_of_a_topic_are_on_from_the_stage_where_it_is_a_must():
    for topic in TOPICS:
        first = topic.levels.index(MUST)
        assert set(topic.rules) <= set(rules_at(STAGES[first]))
        assert not set(topic.rules) & set(rules_at(STAGES[first - 1]))
        assert set(topic.levels) <= {MUST, GOOD, SLOWS} and len(topic.levels) == len(STAGES)
