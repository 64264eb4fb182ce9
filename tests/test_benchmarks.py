"""The benchmarks' own arithmetic and pages; no figure is measured here, and none is asserted."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from conftest import TEMPLATE

ABOUT = {"machine": "a processor, 2 cores", "python": "3.11", "commit": "abc", "date": "2026-01-01", "quick": False}
HAND_WRITTEN = "What people found stays."


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`load("pages")` imports a module of benchmarks/, which is a folder of scripts and no package."""
    monkeypatch.syspath_prepend(TEMPLATE / "benchmarks")
    before = set(sys.modules)
    yield import_module
    for name in set(sys.modules) - before:
        if str(TEMPLATE / "benchmarks") in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def test_a_ratio_compares_figures_of_the_same_repeat(load: Any) -> None:
    figures = load("measuring").Figures([2.0, 40.0, 3.0], [1.0, 20.0, 3.0], "s")
    assert figures.results("x") == [2.0, 2.0, 1.0]
    assert figures.results("s") == [2.0, 40.0, 3.0]
    assert load("measuring").spread([1.0, 2.0, 3.0, 4.0, 100.0], 1) == "3.0 (2.0 to 4.0)"
    assert load("measuring").spread([1.0, 2.0], 1) == "1.5 (1.0 to 2.0)"


def test_one_that_fails_is_told_with_its_reason_and_the_others_go_on(
    load: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    measuring = load("measuring")
    monkeypatch.setattr(measuring, "bake", lambda folder: folder)
    bad, good = (measuring.Row(name, name, 1.0, "s", "nothing", None) for name in ("bad", "good"))

    def fail(project: Path, effort: Any) -> Any:
        return measuring.run_command("bad", ["-c", "raise SystemExit('the disk is full')"], project)

    def succeed(project: Path, effort: Any) -> Any:
        seconds, _, peak = measuring.run_command("good", ["-c", "print(1)"], project)
        assert seconds > 0 and peak > 1
        return {"good": measuring.Figures([2.0], [1.0], "s")}

    written: list[list[str]] = []
    todo = [measuring.Measurement((bad,), fail), measuring.Measurement((good,), succeed)]
    found = measuring.measured(todo, measuring.Effort(), lambda results: written.append(list(results)))
    assert found["bad"]["failed"] == "bad failed: the disk is full"
    assert found["good"]["ours"] == [2.0]
    assert written == [["bad"], ["bad", "good"]]  # partial results are written as it goes


def test_only_names_rows_and_refuses_others(load: Any) -> None:
    measuring, bench = load("measuring"), load("bench")
    names = [[row.name for row in m.rows] for m in measuring.chosen(bench.MEASUREMENTS, ["step", "cfg"])]
    assert names == [["step-mlp"], ["step-linear"], ["step-cnn"], ["step-gru"], ["help", "cfg", "completion"]]
    with pytest.raises(SystemExit, match="No row is called stp"):
        measuring.chosen(bench.MEASUREMENTS, ["stp"])
    every = [line.name for line in bench.LINES]
    assert len(every) == len(set(every)) and bench.FILE.parent == TEMPLATE / "docs"


def test_pages_are_made_anew_between_their_marks(load: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pages, bench, measuring = load("pages"), load("bench"), load("measuring")
    page, readme = tmp_path / "docs/benchmarks.md", tmp_path / "README.md"
    page.parent.mkdir()
    marks = "".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in ("goals", "growth", "cost"))
    page.write_text(f"{marks}{HAND_WRITTEN}\n")
    readme.write_text(f"{marks}{HAND_WRITTEN}\n")
    monkeypatch.setattr(pages, "PAGE", page)
    monkeypatch.setattr(pages, "TEMPLATE", tmp_path)
    monkeypatch.setattr(pages, "README", readme)
    results: dict[str, dict[str, Any]] = {}
    for line in bench.LINES:
        if isinstance(line, measuring.Panel):
            results[line.name] = {"curves": {"ours": {"10": [1.0], "1000000": [3.0]}}} | ABOUT
        else:
            more = {"of the processor": [0.125], "times, with a progress bar": [1.625]}
            figures = {"ours": [1.5, 3.1, 4.8], "yardstick": [1.0, 2.0, 3.0], "unit": "s", "usual": [3.0, 6.0, 9.0]}
            results[line.name] = figures | {"more": more} | ABOUT
    results["report"] = {"failed": "no space left"} | ABOUT
    results = json.loads(json.dumps(results))  # as they are read from the file
    pages.write(bench.LINES, results)
    text = page.read_text()
    assert "| **1.55** (1.50 to 1.60) | no |" in text
    assert "failed: no space left" in text
    assert "| 3 to 6; here 3.0 (3.0 to 3.0) |" in text
    assert "| rows of the table | 10 | 1,000,000 |" in text
    assert text.count("\nold\n") == 1 and HAND_WRITTEN in text  # a page's own marks alone are made anew
    told = readme.read_text().partition("<!-- cost -->\n")[2].partition("\n<!-- /cost -->")[0].splitlines()
    assert "step, tracked, takes 1.55 times a textbook PyTorch loop's, with a bar 1.62 (linear 1.55, CNN" in told[0]
    assert "the usual Lightning recipe takes 3.0;" in told[1]
    assert len(told) == 3 and max(map(len, told)) <= 120
    assert HAND_WRITTEN in readme.read_text()
    for name in ("docs/benchmarks.png", "docs/benchmarks_growth.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="lacks the marks"):
        pages.replace_part(page, "nothing", "")


def test_the_pages_have_their_marks_and_pictures() -> None:
    """What the next `make bench` needs, and what the pages show."""
    for path, names in {
        TEMPLATE / "docs/benchmarks.md": ("goals", "growth"),
        TEMPLATE / "README.md": ("cost",),
    }.items():
        text = path.read_text(encoding="utf-8")
        assert all(text.count(f"<!-- {name} -->") == text.count(f"<!-- /{name} -->") == 1 for name in names), path
    for name in ("docs/benchmarks.png", "docs/benchmarks_growth.png"):
        assert 10_000 < (TEMPLATE / name).stat().st_size < 150_000
