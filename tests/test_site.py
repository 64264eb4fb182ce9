"""What `make site` builds from: its pages exist, links lead somewhere, headings are in order. Nothing is built here."""

import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

TEMPLATE = Path(__file__).resolve().parents[1]
PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"
DOCS = TEMPLATE / "docs"


@pytest.fixture(scope="module")
def site() -> Any:
    """The modules that gather the pages; they need nothing but Python."""
    sys.path.insert(0, str(DOCS))
    try:
        from site_builder import commands, models, pages  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(DOCS))
    return {"commands": commands, "models": models, "pages": pages}


def pages_of(site: Any) -> dict[str, str]:
    """Return the text of each page of the site that is a file, by its path."""
    pages = site["pages"]
    return {path: pages.file_of(path, PROJECT).read_text(encoding="utf-8") for path in pages.NAMES}


def test_every_page_that_is_written_is_on_the_site(site: Any) -> None:
    written = [*DOCS.glob("*.md"), *(PROJECT / "vendor").rglob("*.md")]
    listed = {site["pages"].file_of(path, PROJECT) for path in site["pages"].NAMES}
    assert {path for path in written if path not in listed} == set()
    assert {path for path in listed if not path.is_file()} == set()
    assert len(site["pages"].NAMES) == len(site["pages"].PAGES), "no page is there twice"


def test_every_relative_link_leads_to_a_file(site: Any) -> None:
    pages = site["pages"]
    found, broken = 0, []
    for path, text in pages_of(site).items():
        for link in pages.links(text):
            if link.is_outside:
                continue
            found += 1
            target, _ = pages.leads_to(path, link)
            if target.startswith("..") or not pages.file_of(target, PROJECT).exists():
                broken.append(f"{path}: {link.target}")
    assert broken == []
    assert found > 50


def test_every_link_to_a_heading_finds_it(site: Any) -> None:
    pages, texts = site["pages"], pages_of(site)
    broken = []
    for path, text in texts.items():
        for link in pages.links(text):
            if re.match(r"\w+:", link.target) or "#" not in link.target:
                continue
            target, heading = (path, link.target) if link.target[0] == "#" else pages.leads_to(path, link)
            titles = re.findall(r"^#+ (.*)$", pages.prose(texts[target]), re.MULTILINE)
            if heading[1:] not in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}:
                broken.append(f"{path}: {link.target}")
    assert broken == []


def test_headings_begin_once_and_skip_no_level(site: Any) -> None:
    for path, text in pages_of(site).items():
        levels = [len(marks) for marks in re.findall(r"^(#+) ", site["pages"].prose(text), re.MULTILINE)]
        assert levels[0] == 1, path
        assert levels.count(1) == 1, path
        assert all(below <= above + 1 for above, below in pairwise(levels)), path


def test_links_are_rewritten_but_not_in_code(site: Any) -> None:
    pages = site["pages"]
    text = "See [a](b.md).\n\n```\n[a](b.md)\n```\n\n![p](q.png)\n"
    assert pages.with_links(text, lambda link: f"<{link.mark}{link.target}>") == (
        "See <b.md>.\n\n```\n[a](b.md)\n```\n\n<!q.png>\n"
    )


def test_a_link_that_leads_nowhere_stops_the_build(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "page.md").write_text("# Page\n\n[gone](gone.py) [folder](folder) [web](https://example.org)\n")
    monkeypatch.setattr(site["pages"], "TEMPLATE", tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError, match=r"page.md links to gone.py"):
        site["pages"].for_the_site("page.md", PROJECT, tmp_path / "source")
    (tmp_path / "gone.py").write_text("x = 1\n")
    text = site["pages"].for_the_site("page.md", PROJECT, tmp_path / "source")
    assert text == "# Page\n\n[gone](files/gone.py) folder [web](https://example.org)\n"
    assert (tmp_path / "source/files/gone.py").is_file()


def test_a_docstring_keeps_its_formulas_as_they_stand(site: Any) -> None:
    doc = "A model.\n\n    y = a * x_1\n    z = [y]\n\nOf `a_b` and c_d."
    assert site["models"].markdown(doc) == ("A model.\n\n```text\ny = a * x_1\nz = [y]\n```\n\nOf `a_b` and c\\_d.")
    assert site["models"].markdown("A_1, https://a.org/b_c; d_e.") == "A\\_1, <https://a.org/b_c>; d\\_e."


def test_the_formulas_of_the_parts_of_a_model_are_on_its_page(site: Any) -> None:
    (models,) = (PROJECT / "src").glob("*/models")
    text = site["models"].formulas_of_parts(models / "tft.py")
    assert text.startswith("\n## Parts\n\n`GRN`: ")
    assert "```text\nGRN(a, c) = LayerNorm(a + GLU(η₁)),  η₁ = W₁η₂ + b₁,  η₂ = ELU(W₂a + W₃c + b₂)\n```" in text
    assert site["models"].formulas_of_parts(models / "mlp.py") == ""


def test_the_words_that_follow_a_command_have_a_help_of_their_own(site: Any) -> None:
    told = "usage: runs [-h] list | show ...\n\npositional arguments:\n  list | show\n    list      list runs\n"
    assert site["commands"].words_of(told) == ["list", "show"]
    assert site["commands"].words_of("positional arguments:\n  folder      a folder, or a | b\n") == []


def test_a_test_proves_the_models_that_it_names(site: Any) -> None:
    code = (
        "from my_research.models.mlp import MLP\nfrom my_research.models.cnn import CNN\n"
        "def test_one_of_both():\n    MLP\ndef test_another():\n    CNN\ndef helper():\n    MLP\n"
    )
    assert site["models"].tests_of("mlp", code, all_of_them=False) == ["one of both"]
    assert site["models"].tests_of("rnn", code, all_of_them=False) == []
    assert site["models"].tests_of("rnn", code, all_of_them=True) == ["one of both", "another"]
