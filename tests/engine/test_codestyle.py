"""codestyle: the exit status follows the level, and the forms of the table say the same."""

import json

import pytest
from hyperplane.codestyle.table import GOOD, MUST, SLOWS, STAGES, TOPICS, rules_at
from hyperplane.commands.codestyle import main

import tiny_project

PYPROJECT, tiny, answer = tiny_project.PYPROJECT, tiny_project.tiny, tiny_project.answer


def test_the_exit_status_follows_the_level(tiny, capsys):
    project = tiny({"src/b.py": "print(1)\n"})
    here = ["--project", str(project.root), "--topic", "loguru", "--topic", "tests"]
    assert main([*here, "--stage", "concept"]) == 0  # a good idea
    page = "loguru, see vendor/hyperplane/codestyle/pages/loguru.md\n   "
    assert f"{GOOD} {page}src/b.py:1: T201" in capsys.readouterr().out
    assert main([*here, "--stage", "proof-of-concept"]) == 1  # a must
    out = capsys.readouterr().out
    assert f"{MUST} {page}src/b.py:1: T201" in out and f"{SLOWS} not yet: tests\n" in out
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
    assert (
        "| 🥇 | [prefer loguru over print](vendor/hyperplane/codestyle/pages/loguru.md) | ✗ not met | ruff: T20, LOG |"
        in text
    )
    assert "`src/b.py:1` T201" in text


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        (["--stage", "prodict"], "stage prodict is not known"),
        (["--stage", "prodict"], "Did you mean product?"),
        (["--topic", "pathlip"], "Did you mean pathlib?"),
        (["promot"], "Did you mean promote?"),
        (["promote", "--stage", "product"], "the only option it takes is --dry-run"),
        (["--dry-run"], "--dry-run goes with promote"),
        (["--project", "nowhere"], "nowhere is not a project"),
        (["--jsn"], "Did you mean --json?"),
    ],
)
def test_a_mistake_is_one_message(tiny, capsys, arguments, answer):
    project = tiny()
    assert main(["--project", str(project.root), *arguments]) == 2
    said = capsys.readouterr()
    assert answer in said.err and said.out == "" and len(said.err.splitlines()) <= 2


def test_what_is_found_is_found_in_what_is_yours_never_in_the_engine(tiny):
    code = "import os\n\nprint(os.path.join('a', os._hidden))\nSETTINGS = {'lr': 0.1}\nx: int  =  'a'\n"
    engine = {
        "pyproject.toml": PYPROJECT.replace("strict = true", 'strict = true\nmypy_path = ["vendor"]'),
        "vendor/hyperplane/bad.py": code,
        "src/b.py": "from hyperplane import bad\n\nVALUE = bad.SETTINGS\n",
    }
    topics = ["pathlib", "loguru", "pydantic", "linting", "type_hints", "encapsulation"]
    project = tiny(engine)
    for name in [*topics, "pyproject"]:
        assert answer(project, name).findings == [], name
    spoiled = tiny({**engine, "src/bad.py": code})
    for name in topics:
        assert {finding.path for finding in answer(spoiled, name).findings} == {"src/bad.py"}, name


def test_rules_of_a_topic_are_on_from_the_stage_where_it_is_a_must():
    for topic in TOPICS:
        first = topic.levels.index(MUST)
        assert set(topic.rules) <= set(rules_at(STAGES[first]))
        assert not set(topic.rules) & set(rules_at(STAGES[first - 1]))
        assert set(topic.levels) <= {MUST, GOOD, SLOWS} and len(topic.levels) == len(STAGES)
