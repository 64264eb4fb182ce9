"""The pages on code style: their links lead somewhere, their examples are Python, and what they recommend works."""

import ast
import re
import shutil

import pytest
from conftest import PROJECT
from hyperplane.codestyle import table
from hyperplane.codestyle.checks import check_of
from hyperplane.codestyle.codebase import Codebase
from hyperplane.codestyle.table import STAGES, TOPICS
from hyperplane.codestyle.tools import check_rules

PAGES = PROJECT / table.PAGES
NAMES = [topic.name for topic in TOPICS]
# Topics whose check looks at Python alone; single_responsibility sees only functions longer than a page.
SEEN = ["pathlib", "loguru", "pydantic", "linting", "type_hints", "encapsulation", "open_closed", "abstract_classes"]


def read(name):
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def blocks(text, language="python"):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_table_is_the_one_that_is_checked():
    rows = re.findall(r"^\| \[(.*)\]\((\w+)\.md\) \| (.*) \|$", read("README"), re.MULTILINE)
    assert [(title, name, marks.split(" | ")) for title, name, marks in rows] == [
        (topic.title, topic.name, list(topic.levels)) for topic in TOPICS
    ]
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted(["README", *NAMES])


@pytest.mark.parametrize("topic", TOPICS, ids=NAMES)
def test_a_page_has_its_parts_its_marks_and_its_check(topic):
    text = read(topic.name)
    assert " · ".join(f"{stage} {topic.level(stage)}" for stage in STAGES) in text
    parts = ["Why", "When it slows you down", "Instead of", "Write", "In this project", "What checks it"]
    assert re.findall("^## (.*)$", text, re.MULTILINE) == parts
    check = text.split("## What checks it")[1]
    assert f"`codestyle --topic {topic.name}`" in check
    assert all(f"`{family}`" in check for family in topic.rules)


@pytest.mark.parametrize("name", ["README", *NAMES])
def test_every_link_leads_to_a_file_of_this_project(name):
    links = re.findall(r"\]\(([^)]+)\)", read(name))
    assert links
    for link in links:
        assert (PAGES / link).exists(), link


@pytest.mark.parametrize("topic", NAMES)
def test_every_example_parses_and_the_good_one_runs(topic, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before, good = read(topic).split("## Write")
    assert blocks(before)
    for code in blocks(before):
        ast.parse(code)
    for code in blocks(good):
        names = {"__name__": topic}
        exec(compile(code, f"{topic}.md", "exec"), names)
        for name, test in names.items():
            if name.startswith("test_"):
                test()


def test_the_check_finds_the_bad_examples_and_is_content_with_the_good_ones(tmp_path):
    for part, kind in enumerate(["bad", "good"]):
        source = tmp_path / kind / "src"
        source.mkdir(parents=True)
        shutil.copy(PROJECT / "pyproject.toml", tmp_path / kind)  # how ruff is set up
        for topic in SEEN:
            code = "\n\n".join(blocks(read(topic).split("## Write")[part]))
            (source / f"{topic}.py").write_text(code, encoding="utf-8")
        project = Codebase(tmp_path / kind)
        for topic in SEEN:
            is_typed = topic == "type_hints"  # its check also runs mypy, which takes seconds
            answer = check_rules(project, STAGES[-1], topic) if is_typed else check_of(topic)(project, STAGES[-1])
            assert not answer.obstacle
            found = any(finding.path == f"src/{topic}.py" for finding in answer.findings)
            assert found == (kind == "bad"), (topic, answer.findings)
