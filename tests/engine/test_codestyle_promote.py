"""codestyle promote: changes little, and only when nothing is left to do."""

import difflib
import tomllib

import pytest
from hyperplane.codestyle.promotion import promoted
from hyperplane.codestyle.table import MUST, STAGES, rules_at
from hyperplane.commands.codestyle import main
from hyperplane.errors import UserError

import tiny_project

PYPROJECT, tiny, git = tiny_project.PYPROJECT, tiny_project.tiny, tiny_project.git


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("[project]\nname = 'x'\n", "names no stage"),
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
    git(project, "init", "-q")
    path = project.root / "pyproject.toml"
    assert main(["promote", "--project", str(project.root)]) == 1
    said = capsys.readouterr().out
    for topic, finding in [("loguru", "src/b.py:1: T201"), ("git", "pyproject.toml:1: no commit yet")]:
        assert f"{MUST} {topic}, see vendor/hyperplane/codestyle/pages/{topic}.md\n   {finding}" in said
    assert path.read_text() == PYPROJECT
    (project.root / "src/b.py").unlink()
    git(project, "add", "--all")
    git(project, "commit", "-q", "-m", "x")
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
    assert set(rules_at("deployment")) == set(result["ruff"]["lint"]["select"])


def test_the_ends_of_lines_and_the_kind_of_quotes_stay():
    text = PYPROJECT.replace('"concept"', "'concept'").replace("\n", "\r\n")
    assert promoted(text, "deployment") == promoted(PYPROJECT, "deployment").replace("\n", "\r\n")


def test_the_answer_that_cruft_keeps_follows(tiny, capsys):
    answers = '{"context": {"cookiecutter": {"project_name": "Mine", "stage": "concept", "ci": "github"}}}'
    project = tiny({".cruft.json": answers})
    git(project, "init", "-q")
    git(project, "add", "--all")
    git(project, "commit", "-q", "-m", "x")
    assert main(["promote", "--dry-run", "--project", str(project.root)]) == 0
    assert (project.root / ".cruft.json").read_text() == answers
    assert main(["promote", "--project", str(project.root)]) == 0
    assert (project.root / ".cruft.json").read_text() == answers.replace("concept", "proof-of-concept")


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
    with pytest.raises(UserError, match="cannot edit safely"):
        promoted(text, "product")
