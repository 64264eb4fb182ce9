"""The template is changed where it is baked: one command checks what it makes, another brings back what was edited."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checks import git
from conftest import TEMPLATE, bake_into

PROJECT = "{{cookiecutter.project_slug}}"
PACKAGE = "{{cookiecutter.package_name}}"
ANSWERS = {
    "project_name": "A Study",
    "stage": "product",
    "license": "GPL-3.0",
    "ci": "gitlab",
    "tracking": "tensorboard",
}
MODEL = "src/a_study/models/my_model.py"
CONFIG = "src/a_study/configs/model/my_model.yaml"
LOSS = "src/a_study/losses/forecasting.py"
ENGINE = "vendor/hyperplane/errors.py"
TEST = "tests/losses/test_classification.py"


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def change(path: Path, old: str, new: str) -> None:
    """Replace the first place where `old` stands."""
    assert old in read(path)
    path.write_text(read(path).replace(old, new, 1), encoding="utf-8")


def commit(repository: Path) -> None:
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "-c", "user.name=Kim", "-c", "user.email=kim@example.org", "commit", "--quiet", "-m", "one")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A clone of the template, with everything committed."""
    template = tmp_path / "template"
    caches = shutil.ignore_patterns("__pycache__", ".*_cache")
    for name in ("hooks", PROJECT):
        shutil.copytree(TEMPLATE / name, template / name, ignore=caches)
    for name in ("cookiecutter.json", "bring_back.py", "Makefile", "constraints.txt"):
        shutil.copy(TEMPLATE / name, template)
    commit(template)
    return template


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    return bake_into(template, tmp_path / "baked", **ANSWERS)


def bring_back(template: Path, project: Path) -> list[str]:
    """Return what the command says; it must succeed."""
    command = [sys.executable, str(template / "bring_back.py"), str(project)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def differing(one: Path, other: Path) -> set[str]:
    """Return the names of the files that two projects do not share."""
    names = {
        name for folder in (one, other) for name in git(folder, "ls-files", "-co", "--exclude-standard").split("\n")
    }
    paths = [(name, one / name, other / name) for name in names - {""}]
    return {
        name for name, a, b in paths if a.is_file() != b.is_file() or (a.is_file() and a.read_bytes() != b.read_bytes())
    }


def test_an_unchanged_project_brings_nothing_back(template: Path, project: Path) -> None:
    assert bring_back(template, project) == ["Left to you: 0. What was written is in git diff."]
    assert git(template, "status", "--porcelain") == ""


def test_what_was_edited_comes_back_and_out_of_the_template_again(
    template: Path, project: Path, tmp_path: Path
) -> None:
    change(project / LOSS, "\n\n\nclass ", "\n\nNUMBER = f'{{{1}}}'\n\n\nclass ")
    change(project / ENGINE, "\nimport sys\n", "\nimport sys\n\nPROJECTS = f'{{{1}}} a_study'\n")
    change(project / TEST, "from a_study", "from a_study.models.mlp import MLP\nfrom a_study")
    change(project / "README.md", "make train    # one model", "make train    # a model")
    change(project / "pyproject.toml", '"tensorboard>=2.18,<3"', '"tensorboard>=2.19,<3"')
    change(project / "Makefile", "clean: ##", "new: ## say a_study\n\techo a_study\n\nclean: ##")
    (project / MODEL).write_text("from torch.nn import Flatten as MyModel\n\nNAME = '{{ x }}'\n")
    (project / CONFIG).write_text("_target_: a_study.models.my_model.MyModel\n")

    said = bring_back(template, project)

    written = {line.removesuffix(": brought back") for line in said if line.endswith(": brought back")}
    assert written == {LOSS, ENGINE, TEST, "README.md", "pyproject.toml", "Makefile", MODEL, CONFIG}
    assert said[-1].startswith("Left to you: 0.")
    again = bake_into(template, tmp_path / "again", **ANSWERS)
    assert differing(project, again) == {"vendor/hyperplane/DIGEST"}, "which says what the template delivers now"
    sources = template / PROJECT
    assert "\nfrom {{ cookiecutter.package_name }}.models.mlp import MLP\n" in read(sources / TEST)
    assert "\nPROJECTS = f'{{{1}}} a_study'\n" in read(sources / ENGINE), "no file of the engine is rendered"
    assert "\techo {{ cookiecutter.package_name }}\n" in read(sources / "Makefile")
    name = CONFIG.replace("a_study", PACKAGE)
    assert read(sources / name) == "_target_: {{ cookiecutter.package_name }}.models.my_model.MyModel\n"
    others = bake_into(template, tmp_path / "other", project_name="Other")
    assert read(others / "src/other/configs/model/my_model.yaml") == "_target_: other.models.my_model.MyModel\n"


def test_what_jinja_wrote_is_named_and_left(template: Path, project: Path, tmp_path: Path) -> None:
    change(project / "README.md", "# A Study\n", "# Another Study\n")
    change(project / "README.md", "make train    # one model", "make train    # a model")
    change(project / "pyproject.toml", 'name = "a-study"', 'name = "another-study"')
    change(project / TEST, "import pytest\n", "import pytest\n\nBRACES = '{{ x }}'\n")
    (project / "LICENSE").write_text("Mine.\n")
    (project / "new.md").write_text("{{ x }}\n")
    (project / "CHANGELOG.md").unlink()

    said = bring_back(template, project)

    line = read(project / "pyproject.toml").splitlines().index('name = "another-study"') + 1
    braces = read(project / TEST).splitlines().index("BRACES = '{{ x }}'")
    reason = "stands in or beside a line that Jinja writes, or looks like Jinja"
    assert [sentence for sentence in said if not sentence.endswith("brought back")] == [
        f"CHANGELOG.md: deleted in the project; if the template shall lose it: git rm '{PROJECT}/CHANGELOG.md'",
        "LICENSE: only one of the project's first commit and the template of now has it; see to it by hand",
        f"README.md:1: {reason}",
        f"new.md:1: {reason}",
        f"pyproject.toml:{line}: {reason}",
        f"{TEST}:{braces}: {reason}",
        "Left to you: 6. What was written is in git diff.",
    ]
    assert git(template, "status", "--porcelain", "-z").split("\0")[:-1] == [f" M {PROJECT}/README.md"]
    assert "# a model" in read(template / PROJECT / "README.md")


def test_what_changed_in_the_template_since_is_kept(template: Path, project: Path) -> None:
    losses = template / PROJECT / LOSS.replace("a_study", PACKAGE)
    losses.write_text(read(losses) + "# new in the template\n", encoding="utf-8")
    change(template / PROJECT / "README.md", "make train    # one model", "make train    # the first")
    change(project / LOSS, "\n\n\nclass ", "\n\nNUMBER = 1\n\n\nclass ")
    change(project / "README.md", "make train    # one model", "make train    # a model")

    said = bring_back(template, project)

    assert "README.md: the template has changed in the same lines; see to it by hand" in said
    assert read(losses).endswith("# new in the template\n") and "NUMBER = 1\n" in read(losses)
    assert "# the first" in read(template / PROJECT / "README.md")


@pytest.mark.parametrize("what", ["", "no repository", "another repository"])
def test_a_folder_that_is_no_project_is_refused(template: Path, tmp_path: Path, what: str) -> None:
    folder = {"": "", "no repository": str(tmp_path), "another repository": str(template)}[what]
    command = [sys.executable, str(template / "bring_back.py"), folder]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("Name the folder of a baked project") and len(done.stderr.splitlines()) == 1


def test_make_try_checks_what_the_template_makes_now_and_keeps_what_was_edited(template: Path) -> None:
    # mypy has tests of its own; here it would take a minute.
    (template / "bin").mkdir()
    for tool in ("cookiecutter", "ruff", "python"):
        (template / "bin" / tool).symlink_to(Path(sys.executable).parent / tool)
    (template / "bin" / "mypy").write_text("#!/bin/sh\necho mypy in ${PWD##*/}\n")
    (template / "bin" / "mypy").chmod(0o755)

    def make(*words: str) -> subprocess.CompletedProcess[str]:
        installed = ("--old-file=.venv/.ready", "--old-file=.venv/.can-bake", "BIN=bin")
        return subprocess.run(["make", *installed, "try", *words], cwd=template, capture_output=True, text=True)

    done = make("ANSWERS=project_slug=tried stage=product")
    assert done.returncode == 0 and "mypy in project\n" in done.stdout
    assert 'stage = "product"' in read(template / "try/project/pyproject.toml")

    change(template / "try/project/README.md", "make train", "make  train")
    broken = template / PROJECT / LOSS.replace("a_study", PACKAGE)
    broken.write_text(read(broken) + "import os\n", encoding="utf-8")
    done = make()
    assert done.returncode == 2 and "E402" in done.stdout
    assert 'stage = "concept"' in read(template / "try/project/pyproject.toml")
    assert "make  train" in read(template / "try/edited/README.md")

    done = make("ANSWERS=project_name=Torch")
    assert done.returncode == 2 and "would hide a package" in done.stderr and "Traceback" not in done.stderr
