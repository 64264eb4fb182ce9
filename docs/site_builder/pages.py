"""Which pages the site has, in which order, and where the links in them lead."""

import posixpath
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

TEMPLATE = Path(__file__).resolve().parents[2]
FOLDER = "{{cookiecutter.project_slug}}/"
PROJECT = "project/"  # begins the paths of files that stand in a project
ENGINE = PROJECT + "vendor/hyperplane/"

TOPICS = (
    "pathlib", "loguru", "pydantic", "pyproject", "cookiecutter", "git", "linting", "type_hints", "makefiles",
    "encapsulation", "open_closed", "single_responsibility", "abstract_classes", "tests",
)  # fmt: skip

# The sections of the site: each page by its name there and the file that it is made from.
SECTIONS: dict[str, dict[str, str]] = {
    "Getting started": {"start": "docs/start.md", "project": PROJECT + "README.md", "faq": "docs/faq.md"},
    "Using it": {
        f"using_{name}": f"{ENGINE}pages/{name}.md"  # Sphinx has a page `search` of its own
        for name in ("training", "many_runs", "search", "data", "results", "adding", "updating")
    },
    "Reference": {
        "engine": ENGINE + "README.md",
        "stacking": ENGINE + "stacking/README.md",
        "patches": ENGINE + "PATCHES.md",
    },
    "Code style": {"codestyle": ENGINE + "codestyle/pages/README.md"}
    | {f"codestyle_{topic}": f"{ENGINE}codestyle/pages/{topic}.md" for topic in TOPICS},
    "What it does": {
        "gallery": "docs/gallery.md",
        "benchmarks": "docs/benchmarks.md",
        "measuring": "benchmarks/README.md",
        "large_files": "docs/large_files.md",
        "baselines": "docs/baselines.md",
        "comparison": "docs/comparison.md",
        "lecture": PROJECT + "references/lecture.md",
        "labs": PROJECT + "labs/README.md",
    },
    "The template": {"contributing": "CONTRIBUTING.md", "changelog": "CHANGELOG.md"},
}
INDEX = "README.md"
PAGES = {"index": INDEX} | {name: path for section in SECTIONS.values() for name, path in section.items()}
NAMES = {path: name for name, path in PAGES.items()}

FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


class Link(NamedTuple):
    """A link of a page."""

    mark: str  # "!" of a picture, else ""
    text: str
    target: str

    @property
    def is_outside(self) -> bool:
        """Whether it leads to another host, or to a heading of its own page."""
        return bool(re.match(r"\w+:|#", self.target))


def prose(text: str) -> str:
    """Return the text of a page without its code blocks."""
    return FENCE.sub("", text)


def links(text: str) -> Iterator[Link]:
    """Yield the links of a page, those in code blocks left out."""
    for found in LINK.finditer(prose(text)):
        yield Link(*found.groups())


def leads_to(page: str, link: Link) -> tuple[str, str]:
    """Return the path that a relative link leads to from a page, and its `#heading` or ""."""
    path, hash_mark, heading = link.target.partition("#")
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), path))
    return path.replace(FOLDER, PROJECT), hash_mark + heading


def file_of(path: str, project: Path) -> Path:
    """Return the file at a path, given the folder of a project."""
    return project / path.removeprefix(PROJECT) if path.startswith(PROJECT) else TEMPLATE / path


def with_links(text: str, replace: Callable[[Link], str]) -> str:
    """Return the text of a page with each link replaced, those in code blocks left alone."""
    parts = FENCE.split(text)  # every second one is a code block
    parts[::2] = [LINK.sub(lambda found: replace(Link(*found.groups())), part) for part in parts[::2]]
    return "".join(parts)


def for_the_site(page: str, project: Path, source: Path) -> str:
    """Return the text of a page as the site has it; the pictures and files that it links to are copied beside it.

    Args:
        page: the path of its file.
        project: the folder of the project that was baked.
        source: the folder that the site is built from.

    Raises:
        FileNotFoundError: a link leads nowhere.
    """

    def replace(link: Link) -> str:
        if link.is_outside:
            return f"{link.mark}[{link.text}]({link.target})"
        path, heading = leads_to(page, link)
        if path in NAMES:
            return f"[{link.text}]({NAMES[path]}.md{heading})"
        file = file_of(path, project)
        if not file.exists():
            raise FileNotFoundError(f"{page} links to {link.target}, which does not exist")
        if file.is_dir() or file.suffix == ".md":  # no page of the site
            return link.text
        copy = source / "files" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
        return f"{link.mark}[{link.text}](files/{path})"

    return with_links(file_of(page, project).read_text(encoding="utf-8"), replace)
