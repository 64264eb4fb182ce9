"""Bring what was changed in a baked project back into the template: bring_back.py <folder of the project>.

Three versions of each file are compared: the project's first commit, which is what the template gave; the project
as it is; and what the template gives now. So nothing is lost of what changed in the template since. A change in a line
that Jinja wrote, or in one that both changed, is left to you and named. Look at `git diff` afterwards.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from difflib import SequenceMatcher
from fnmatch import fnmatch
from pathlib import Path

import yaml
from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parent
FILES = TEMPLATE / "{{cookiecutter.project_slug}}"
COPIED = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))["_copy_without_render"]
LICENCES = {"GPL-3.0-only": "GPL-3.0", "LicenseRef-Proprietary": "Proprietary"}
PACKAGE = "{{ cookiecutter.package_name }}"
REFUSED = "Name the folder of a baked project with its git history: make back PROJECT=try/project"
JINJA = ("{{", "}}", "{%", "%}", "{#", "#}")


class Project:
    """A baked project: what it was made of, what its first commit held, and what it holds now."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.start = self.git("rev-list", "--max-parents=0", "HEAD").decode().split()[-1]
        self.made_with = set(self.git("ls-tree", "-r", "-z", "--name-only", self.start).decode().split("\0")) - {""}
        trains = [name for name in self.made_with if fnmatch(name, "src/*/train.py")]
        if not trains:
            sys.exit(REFUSED)
        self.package = trains[0].split("/")[1]

    def git(self, *words: str) -> bytes:
        return subprocess.run(["git", *words], cwd=self.folder, check=True, capture_output=True).stdout

    def first(self, name: str) -> bytes | None:
        """Return a file as the template gave it."""
        return self.git("show", f"{self.start}:{name}") if name in self.made_with else None

    def now(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def changed(self) -> list[str]:
        """Return the names of the files that are not what they were, or were not there."""
        names = self.git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().split("\0")
        return sorted(name for name in {*names, *self.made_with} - {""} if self.first(name) != self.now(name))

    def answers(self) -> dict[str, str]:
        """Return what was answered, as the first commit records it."""
        written = tomllib.loads((self.first("pyproject.toml") or b"").decode())
        metadata, stated = written["project"], written["tool"]["hyperplane"]
        services = {".github/workflows/ci.yml": "github", ".gitlab-ci.yml": "gitlab"}
        return {
            "project_name": yaml.safe_load(self.first("CITATION.cff") or b"")["title"],
            "project_slug": metadata["name"],
            "package_name": self.package,
            "description": metadata["description"],
            "author_name": metadata["authors"][0]["name"],
            "author_email": metadata["authors"][0]["email"],
            "license": LICENCES.get(metadata["license"], metadata["license"]),
            "python_version": metadata["requires-python"].removeprefix(">="),
            "ci": next((service for name, service in services.items() if name in self.made_with), "none"),
            **{key: stated[key] for key in ("hardware", "tracking", "stage")},
        }


def bake(answers: dict[str, str], folder: str) -> Path:
    """Return what the template gives now, before its hooks choose among the files."""
    options = {"no_input": True, "default_config": True, "accept_hooks": False}
    return Path(cookiecutter(str(TEMPLATE), extra_context=answers, output_dir=folder, **options))


def merged(now: bytes, first: bytes, mine: bytes) -> bytes | None:
    """Return the template's file of now with the project's changes, or None where both changed the same lines."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("now", "first", "mine")]
        for path, content in zip(paths, (now, first, mine), strict=True):
            path.write_bytes(content)
        done = subprocess.run(["git", "merge-file", "-p", "-q", *map(str, paths)], capture_output=True)
    return done.stdout if done.returncode == 0 else None


def is_text(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def lines_of(content: bytes) -> list[str]:
    return content.decode().splitlines(keepends=True)


def unrendered(text: str, package: str) -> str | None:
    """Return a text with the package's name as Jinja writes it, or None if Jinja would find more in it."""
    return None if any(mark in text for mark in JINJA) else re.sub(rf"\b{package}\b", PACKAGE, text)


def carried(source: list[str], rendered: list[str], wanted: list[str], package: str) -> tuple[bytes, list[int]]:
    """Return the source with what changed from rendered to wanted, and the lines of wanted that it cannot take.

    A line of the source with no Jinja but the package's name is the same line in both. Only between such lines,
    or in their place, can something be put.
    """
    plain = [line.replace(PACKAGE, package) if PACKAGE in line else line for line in source]
    place = {len(rendered): len(source), -1: -1}
    for a, b, size in SequenceMatcher(None, rendered, plain, autojunk=False).get_matching_blocks():
        place |= {a + step: b + step for step in range(size)}
    left, result = [], list(source)
    for tag, i1, i2, j1, j2 in reversed(SequenceMatcher(None, rendered, wanted, autojunk=False).get_opcodes()):
        if tag == "equal":
            continue
        new = [unrendered(line, package) for line in wanted[j1:j2]]
        # What is replaced must stand together in the source as well; so must the lines between which something is put.
        lines = [place.get(number) for number in (range(i1, i2) if i2 > i1 else (i1 - 1, i1))]
        together = lines[0] is not None and lines == [*range(lines[0], lines[0] + len(lines))]
        if None in new or lines[0] is None or not together:
            left.append(j1 + 1)
        else:
            start = lines[0] if i2 > i1 else lines[0] + 1
            result[start : start + (i2 - i1)] = [line for line in new if line is not None]
    return "".join(result).encode(), sorted(left)


def bring(project: Project, name: str, baked: Path) -> Iterator[str]:
    """Write one changed file into the template; yield a sentence for each part of it that is left to a human."""
    place = name.replace(f"src/{project.package}/", "src/{{cookiecutter.package_name}}/", 1)
    target, first, mine = FILES / place, project.first(name), project.now(name)
    given = (baked / name).read_bytes() if (baked / name).is_file() else None
    if mine == given:
        return
    if mine is None:
        yield f"{name}: deleted in the project; if the template shall lose it: git rm '{target.relative_to(TEMPLATE)}'"
        return
    if (given is None) != (first is None):
        yield f"{name}: only one of the project's first commit and the template of now has it; see to it by hand"
        return
    # cookiecutter matches a path inside the template's folder.
    copied = any(fnmatch(place, pattern) for pattern in COPIED)
    source = target.read_bytes() if given is not None else b""
    wanted = mine if given == first else merged(given or b"", first or b"", mine)
    if wanted is None:
        yield f"{name}: the template has changed in the same lines; see to it by hand"
        return
    if not copied and is_text(wanted):
        rendered = lines_of(given or b"")
        wanted, left = carried(lines_of(source), rendered, lines_of(wanted), project.package)
        yield from (
            f"{name}:{line}: stands in or beside a line that Jinja writes, or looks like Jinja" for line in left
        )
    elif not copied and source != (given or b""):
        yield f"{name}: not text, and not as it stands in the template; see to it by hand"
        return
    if wanted != source:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(wanted)
        sys.stdout.write(f"{name}: brought back\n")


def bring_back(folder: Path) -> list[str]:
    """Bring back every file that was changed in a project; return what is left to a human, in sentences."""
    project = Project(folder)
    names = [name for name in project.changed() if name != ".cruft.json"]
    with tempfile.TemporaryDirectory() as before, tempfile.TemporaryDirectory() as after:
        baked = bake(project.answers(), before)
        left = {name: list(bring(project, name, baked)) for name in names}
        # Proof: baked anew, the template gives the project's files, but for those that were named.
        again = bake(project.answers(), after)
        for name in names:
            was, result = (path.read_bytes() if path.is_file() else None for path in (baked / name, again / name))
            if not left[name] and was == project.first(name) and result != project.now(name):
                left[name] = [f"{name}: does not come out of the template as it is in the project; look at git diff"]
    return [sentence for sentences in left.values() for sentence in sentences]


if __name__ == "__main__":
    if len(sys.argv) != 2 or not sys.argv[1] or not Path(sys.argv[1], ".git").exists():
        sys.exit(REFUSED)
    remaining = bring_back(Path(sys.argv[1]))
    for sentence in remaining:
        sys.stdout.write(sentence + "\n")
    sys.stdout.write(f"Left to you: {len(remaining)}. What was written is in git diff.\n")
