"""What is in a project on its first day works as it is written: what the pages add, the notebook, the image."""

import json
import os
import re
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from checks import git
from conftest import Bake, Run, layers, package_of, python
from nbclient import NotebookClient
from warm import PATIENCE

# What is appended to the page's commands.
QUICK = ("trainer.max_epochs=2",)
TRAIN_EACH = """
import shlex, sys
from {package}.__main__ import train
for command in sys.argv[1:]:
    sys.argv = shlex.split(command)
    try:
        train()
    except SystemExit as stop:
        assert not stop.code, command
"""


ADDING = Path("vendor", "hyperplane", "pages", "adding.md")
STORY = "\n## Change train.py\n"


def code(text: str) -> list[tuple[str, str]]:
    """Return the language and the text of each code block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def blocks(project: Path) -> list[tuple[str, str]]:
    """Return the code blocks of the page that adds to a project."""
    return code((project / ADDING).read_text(encoding="utf-8").partition(STORY)[0])


@pytest.fixture(scope="module")
def grown(bake: Bake, tmp_path_factory: pytest.TempPathFactory, clean_environment: dict[str, str]) -> Path:
    """A project with everything that the page on adding adds, trained with the commands that it gives."""
    project = tmp_path_factory.mktemp("grown") / "project"
    shutil.copytree(bake(), project, ignore=shutil.ignore_patterns("runs"))  # those of other tests
    commands = []
    for language, text in blocks(project):
        if language:
            place = text.removeprefix("# ").partition("\n")[0]
            path = project / place
            assert not path.exists(), "no file that exists is edited"
            path.parent.mkdir(exist_ok=True)  # of a group whose files all come from the engine so far
            path.write_text(text, encoding="utf-8")
        else:
            commands += text.splitlines()
    script = TRAIN_EACH.format(package=package_of(project))
    quick = [shlex.join([*shlex.split(line), *QUICK, *left_out(line)]) for line in commands]
    python(project, "-c", script, *quick, env=clean_environment)
    return project


def left_out(command: str) -> list[str]:
    """Return what leaves out the tracker, unless a command chooses one, and figures but for those of the notebook."""
    tracking = [] if "tracking=" in command else ["tracking=none"]
    return tracking if "data=my_data" in command else [*tracking, "figures=false"]


def summaries(project: Path) -> list[dict[str, Any]]:
    """Return the summaries of all runs, the oldest first."""
    paths = sorted(project.glob("runs/*/*/summary.json"), key=lambda path: path.stat().st_mtime)
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def test_the_readme_adds_what_the_page_adds(grown: Path) -> None:
    readme = (grown / "README.md").read_text(encoding="utf-8").partition("\n## Add to it\n")[2]
    assert code(readme) == blocks(grown)[:3]


def test_what_the_page_adds_trains(grown: Path) -> None:
    runs = summaries(grown)
    assert [run["status"] for run in runs] == ["completed"] * len(runs)
    model, task, loss, metric, callback, data, streams, libraries, groups, hardware = runs
    assert model["choices"]["model"] == "my_model" and model["parameters"] == 41 * 20 + 21 * 10
    assert task["choices"]["task"] == "autoencoder" and task["parameters"] == 41 * 4 + 5 * 40
    assert set(task["metrics"]) == {"train/loss", "val/loss", "test/loss"}
    assert set(loss["metrics"]) >= {"test/accuracy", "test/calibration_error"}
    assert metric["higher_is_better"]["top_two"] is True
    assert metric["metrics"]["test/top_two"] > metric["metrics"]["test/accuracy"]
    assert callback["metrics"]["train/gradient_norm"] > 0
    assert data["choices"]["data"] == "my_data" and data["input_shape"] == [2]
    assert streams["choices"]["data"] == "streams" and streams["metrics"]["test/accuracy"] > 0.9
    assert [libraries["choices"][group] for group in ("loss", "optimizer", "scheduler", "tracking")] == [
        "smoothed",
        "nadam",
        "linear",
        "files",
    ]
    assert groups["choices"]["optimizer"] == "nadam"
    assert hardware["choices"]["hardware"] == "workstation" and hardware["hardware"]["threads"] == 2


def test_the_story_that_the_page_tells_trains_and_lints(grown: Path, run: Run) -> None:
    ((_, story),) = code((grown / ADDING).read_text(encoding="utf-8").partition(STORY)[2])
    path = grown / "src" / package_of(grown) / "train.py"
    told = path.read_text(encoding="utf-8")
    begin, end = told.index("def fit_and_test"), told.index("def train(")
    try:
        path.write_text(f"{told[:begin]}{story}\n\n{told[end:]}", encoding="utf-8")
        python(grown, "-m", "ruff", "check", str(path))
        python(grown, "-m", "ruff", "format", "--check", str(path))
        before = set(grown.glob("runs/*/*"))
        words = ("data=moons", "trainer.max_epochs=2", "tracking=none", "hardware=cpu")
        run(grown, "train", *words)
        (folder,) = set(grown.glob("runs/*/*")) - before
    finally:
        path.write_text(told, encoding="utf-8")
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    assert summary["stages"]["pretraining"]["epochs"] == 5 and summary["epochs"] == 2
    assert summary["metrics"]["test/accuracy"] > 0.8
    assert (folder / "pretraining" / "metrics.csv").is_file()


def test_the_types_that_the_page_adds_are_checked(grown: Path, clean_environment: dict[str, str]) -> None:
    wrong = ("-m", package_of(grown), "train", "model=my_model", "model.width=0")
    done = python(grown, *wrong, check=False, env=clean_environment)
    assert done.returncode == 2 and "model.width=0 is not allowed: must be greater than 0" in done.stderr


def test_what_the_page_adds_is_short_and_lints(grown: Path) -> None:
    for language, text in blocks(grown):
        lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
        assert len(lines) < 31, text
        assert language in ("python", "yaml", "")
    python(grown, "-m", "ruff", "check", "--no-cache", "src")
    python(grown, "-m", "ruff", "format", "--check", "--no-cache", "src")


def test_what_the_page_adds_leaves_the_projects_own_tests_green(grown: Path, clean_environment: dict[str, str]) -> None:
    python(grown, "-m", package_of(grown), "schema", env=clean_environment)  # make schema
    # They find every file under configs/; here those that the page adds are composed, checked and trained.
    files = [Path(text.removeprefix("# ").partition("\n")[0]) for language, text in blocks(grown) if language == "yaml"]
    added = " or ".join(f"[{path.parent.name}-{path.stem}]" for path in files)
    tests = ("tests/test_configs.py", "-k", added)
    done = python(grown, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, env=clean_environment)
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) >= len(files), done.stdout


def test_the_notebook_runs_and_is_kept_without_outputs(grown: Path, clean_environment: dict[str, str]) -> None:
    path = grown / "notebooks" / "look_at_a_run.ipynb"
    notebook = nbformat.reads(path.read_text(encoding="utf-8"), as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    newest = grown / "runs" / "newest"  # the run on the data set that the page adds: its figures were drawn
    shutil.copytree(next(path.parents[1] for path in grown.glob("runs/*/*/figures/decision_regions.png")), newest)
    os.utime(newest / "summary.json")
    client = NotebookClient(notebook, timeout=PATIENCE, resources={"metadata": {"path": str(path.parent)}})
    client.execute(env={**clean_environment, "PYTHONPATH": layers(grown)})
    shown = json.dumps([cell.outputs for cell in code])
    assert "runs/newest" in shown and "Warning" not in shown
    pictures = len(list((newest / "figures").glob("*.png"))) + 1
    assert shown.count('"image/png"') == pictures > 3
    (table,) = (str(cell.outputs) for cell in code if "worst = " in cell.source)
    assert "prediction" in table


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile with their arguments, comments left out and lines joined."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


@pytest.mark.parametrize("hardware", ["cpu", "gpu"])
def test_the_image_takes_only_files_that_exist_and_runs_as_no_root(bake: Bake, hardware: str) -> None:
    project = bake(hardware=hardware)
    steps = instructions(project / "Dockerfile")
    assert {word for word, _ in steps} == {"ARG", "FROM", "ENV", "RUN", "WORKDIR", "COPY", "USER", "CMD"}
    allowed = (project / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in allowed
    stages, arguments = [], {}
    for word, rest in steps:
        if word == "ARG":
            name, equals, default = rest.partition("=")
            assert equals
            arguments[name] = default
        for name in re.findall(r"\$\{?([A-Z_]+)", rest):
            assert name in {*arguments, "PATH"}, f"{name} is used before its ARG"
        if word == "FROM":
            stages.append(rest.partition(" AS ")[2])
        if word == "COPY" and not rest.startswith("--from="):
            for source in rest.split()[:-1]:
                assert (project / source).exists() and f"!{source}" in allowed, source
        if word == "COPY" and rest.startswith("--from="):
            assert rest.split()[0].removeprefix("--from=") in stages
    assert arguments == {"BASE": "debian:bookworm-slim", "TORCH_BACKEND": "cpu" if hardware == "cpu" else ""}
    user = [rest for word, rest in steps if word == "USER"][-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    assert any("--constraint constraints.txt" in rest for _, rest in steps)
    command = json.loads(steps[-1][1])
    scripts = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert steps[-1][0] == "CMD" and command[0] in scripts


CITED = ["O'Brien: #1 & <co> 🚀", "- مشروع, [x] !tag %", "null", "1e5", "深度学习 ~ @me *a &b"]


@pytest.mark.parametrize("name", CITED)
def test_the_citation_says_what_was_answered(bake: Bake, name: str) -> None:
    answers = {"project_name": name, "author_name": name, "description": name, "package_name": "fine"}
    citation = yaml.safe_load((bake(**answers) / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["title"] == citation["abstract"] == citation["authors"][0]["name"] == name
    # What the format (version 1.2.0) requires, and nothing that it does not know.
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert set(citation) <= {"cff-version", "message", "type", "title", "abstract", "version", "license", "authors"}
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"


@pytest.mark.parametrize(("answer", "identifier"), [("MIT", "MIT"), ("GPL-3.0", "GPL-3.0-only"), ("Proprietary", None)])
def test_the_citation_names_the_licence_by_its_spdx_identifier(bake: Bake, answer: str, identifier: str | None) -> None:
    citation = yaml.safe_load((bake(license=answer) / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation.get("license") == identifier


def test_the_editor_knows_the_project_and_git_keeps_its_settings(bake: Bake) -> None:
    project = bake()
    kept = {path for path in git(project, "ls-files").splitlines() if path.startswith(".vscode/")}
    assert kept == {".vscode/extensions.json", ".vscode/launch.json", ".vscode/settings.json"}
    launch = json.loads((project / ".vscode" / "launch.json").read_text(encoding="utf-8"))
    modules = {configuration["module"] for configuration in launch["configurations"]}
    assert modules == {f"{package_of(project)}.train", "pytest"}
    (project / ".vscode" / "mine.json").write_text("{}", encoding="utf-8")
    assert git(project, "status", "--porcelain") == ""
    (project / ".vscode" / "mine.json").unlink()


def test_every_file_of_a_group_names_its_schema(bake: Bake) -> None:
    project = bake()
    configs = project / "src" / package_of(project) / "configs"
    unnamed = [path for path in configs.glob("*/*.yaml") if "$schema=" not in path.read_text(encoding="utf-8")]
    assert unnamed == []


def test_both_services_keep_downloads_for_as_long_as_the_packages_are_the_same(bake: Bake) -> None:
    (workflow,) = (bake(ci="github") / ".github" / "workflows").glob("ci.yml")
    (job,) = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    (cache,) = (step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/cache@"))
    assert "hashFiles('pyproject.toml', 'constraints.txt')" in cache["key"]
    gitlab = yaml.safe_load((bake(ci="gitlab") / ".gitlab-ci.yml").read_text(encoding="utf-8"))[".project"]
    assert gitlab["cache"]["key"]["files"] == ["pyproject.toml", "constraints.txt"]
    (kept,) = gitlab["cache"]["paths"]
    assert gitlab["variables"]["UV_CACHE_DIR"] == f"$CI_PROJECT_DIR/{kept}"
