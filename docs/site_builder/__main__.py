"""Bake a project, gather the pages, and build the site: `python -m site_builder <folder>` from docs/."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sphinx.application import Sphinx

from .commands import commands_page
from .models import hidden, model_pages
from .pages import PAGES, SECTIONS, TEMPLATE, TOPICS, for_the_site

STYLE = Path(__file__).with_name("site.css")
SETTINGS = {
    "project": "Hyperplane",
    "html_title": "Hyperplane",
    "extensions": ["myst_parser"],
    "myst_heading_anchors": 3,
    "suppress_warnings": ["myst.header"],  # a page may begin below its first level
    "html_theme": "furo",
    "html_static_path": ["static"],
    "html_css_files": ["site.css"],
    "html_show_sphinx": False,
    "html_copy_source": False,
    "html_show_copyright": False,
    "highlight_language": "text",
}
ANSWERS = ["examples=all", "labs=yes"]  # so that everything is there
# Which pages are below another in the list of contents: generated ones, and the topics of the code style.
BELOW = {"codestyle": [f"codestyle_{topic}" for topic in TOPICS]}
# Other titles than their own, in the list of contents.
TITLES = {"project": "A project's README", "measuring": "How it is measured", "patches": "Private names of libraries"}


def baked(folder: Path) -> Path:
    """Return a project that has everything."""
    words = ["--no-input", "--default-config", "--output-dir", str(folder), str(TEMPLATE), *ANSWERS]
    subprocess.run([sys.executable, "-m", "cookiecutter", *words], check=True, stdout=subprocess.DEVNULL)
    (project,) = folder.iterdir()
    return project


def contents() -> str:
    """Return the list of contents, which stands on the first page."""
    text = ""
    for caption, pages in SECTIONS.items():
        names = [name for name in pages if name not in BELOW["codestyle"]]
        if caption == "Reference":
            names = ["commands", "models", *names]
        lines = [f"{TITLES[name]} <{name}>" if name in TITLES else name for name in names]
        text += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(lines) + "\n```\n"
    return text


def gather(source: Path, project: Path) -> None:
    """Write all pages into the folder that the site is built from."""
    pages = {name: for_the_site(path, project, source) for name, path in PAGES.items()}
    pages["index"] += contents()
    for name, below in BELOW.items():
        pages[name] += hidden(below)
    pages |= {"commands": commands_page(project)} | model_pages(project)
    for name, text in pages.items():
        (source / f"{name}.md").write_text(text, encoding="utf-8")
    (source / "static").mkdir()
    shutil.copy(STYLE, source / "static")


def main(folder: Path) -> int:
    """Build the site into a folder, which is made anew; return the exit status."""
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        source = work / "source"
        source.mkdir()
        (work / "bake").mkdir()
        gather(source, baked(work / "bake"))
        shutil.rmtree(folder, ignore_errors=True)
        site = Sphinx(
            source, None, folder, work / "doctrees", "html", confoverrides=SETTINGS, warningiserror=True, status=None
        )
        site.build()
        return site.statuscode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
