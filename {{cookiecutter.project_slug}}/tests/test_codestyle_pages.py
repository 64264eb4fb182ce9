"""The pages on code style: their links lead somewhere, their examples are Python, and what they recommend works."""

import ast
import re
from pathlib import Path

import pytest

PAGES = Path(__file__).parents[1] / "references" / "codestyle"
STAGES = ("concept", "proof-of-concept", "product", "deployment")
TOPICS = sorted(path.stem for path in PAGES.glob("*.md") if path.stem != "README")


def read(name):
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def rows():
    """Topic: its marks at the four stages, as the table shows them."""
    found = re.findall(r"^\| \[.*\]\((\w+)\.md\) \| (.*) \|$", read("README"), re.MULTILINE)
    return {topic: marks.split(" | ") for topic, marks in found}


def blocks(text, language="python"):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_table_has_a_page_for_each_topic_and_each_page_a_row():
    assert sorted(rows()) == TOPICS and len(TOPICS) == 14


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_has_the_marks_of_the_table_and_names_its_check(topic):
    text = read(topic)
    assert " · ".join(f"{stage} {mark}" for stage, mark in zip(STAGES, rows()[topic], strict=True)) in text
    headings = re.findall("^## (.*)$", text, re.MULTILINE)
    order = ["Why", "When it slows you down", "Instead of", "Write", "In this project", "What checks it"]
    assert headings == order
    assert f"codestyle --topic {topic}`" in text


@pytest.mark.parametrize("name", ["README", *TOPICS])
def test_every_link_leads_to_a_file_of_this_project(name):
    links = re.findall(r"\]\(([^)]+)\)", read(name))
    assert links
    for link in links:
        assert (PAGES / link).exists(), link


@pytest.mark.parametrize("topic", TOPICS)
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
