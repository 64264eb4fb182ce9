"""The pages of docs/ show pictures that exist, are small, and are all drawn by `make gallery`."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_the_gallery_shows_every_picture_that_is_drawn_and_no_other() -> None:
    page = (DOCS / "gallery.md").read_text(encoding="utf-8")
    shown = set(re.findall(r"!\[.+?\]\((.+?)\)", page))
    assert shown == {f"gallery/{path.name}" for path in (DOCS / "gallery").iterdir()}


def test_pictures_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (DOCS / "gallery").iterdir()}
    assert {name: size for name, size in sizes.items() if size >= 150_000} == {}
