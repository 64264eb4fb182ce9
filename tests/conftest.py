"""Fixtures: bake a project from the template, and run its commands as a user would."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter
from covering import covering_rows
from jinja2 import Environment
from warm import PATIENCE, Warm

for variable in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):  # `make test` runs the tests, and some run make as a user would
    os.environ.pop(variable, None)

pytest_plugins = ["in_background"]

TEMPLATE = Path(__file__).resolve().parents[1]
Bake = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]

QUESTIONS = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
# The questions with a choice; the first value is the default. Not labs=, which goes with one of the examples alone: its
# tests are in test_labs.py.
CHOICES: dict[str, list[str]] = {
    question: values
    for question, values in QUESTIONS.items()
    if isinstance(values, list) and not question.startswith("_") and question != "labs"
}

DEFAULTS = {question: values[0] for question, values in CHOICES.items()}

# The project's own tests run in three bakes, which have no answer in common, but for the examples of two: all of these
# run once, under coverage.
OWN_TESTS_IN = {
    "default": DEFAULTS,
    "gpu": {
        "examples": "minimal",
        "license": "BSD-3-Clause",
        "python_version": "3.12",
        "hardware": "gpu",
        "tracking": "tensorboard",
        "stage": "product",
        "ci": "gitlab",
    },
    "mps": {
        "examples": "minimal",
        "license": "GPL-3.0",
        "python_version": "3.13",
        "hardware": "mps",
        "tracking": "csv",
        "stage": "deployment",
        "ci": "none",
    },
}
ANY_TWO = covering_rows(CHOICES, list(OWN_TESTS_IN.values()))  # any two answers meet in one of these projects


def compiled_once(compile_template: Callable[..., Any]) -> Callable[..., Any]:
    """Remember what Jinja has compiled, by its text: hundreds of projects are rendered from the same files.

    All environments of cookiecutter have the same settings.
    """
    known: dict[tuple[Any, ...], Any] = {}

    def compile_once(environment: Environment, *template: Any) -> Any:
        if template not in known:
            known[template] = compile_template(environment, *template)
        return known[template]

    return compile_once


Environment.compile = compiled_once(Environment.compile)  # type: ignore[method-assign]


def layers(project: Path) -> str:
    """Return the value of PYTHONPATH that finds a project's package and its engine."""
    return os.pathsep.join(str(project / folder) for folder in ("src", "vendor"))


def package_of(project: Path) -> str:
    """Return the name of a baked project's package."""
    return next(path.parent.name for path in project.glob("src/*/train.py"))


def bake_into(template: Path, folder: Path, **answers: str) -> Path:
    """Bake without asking, whatever defaults the user of this machine has set."""
    return Path(
        cookiecutter(
            str(template),
            no_input=True,
            default_config=True,
            extra_context=answers,
            output_dir=str(folder),
        )
    )


def demanded(what: str) -> None:
    """Skip the test for want of what `.ci/run` installs; where it must be there, fail."""
    if os.environ.get("CI") == "true" or os.environ.get("HYPERPLANE_CLUSTERS") == "1":
        pytest.fail(f"{what} is missing, and must be here")
    pytest.skip(f"{what} is missing; .ci/run installs it")


def python(
    folder: Path,
    *arguments: str,
    check: bool = True,
    env: dict[str, str] | None = None,
    timeout: float = PATIENCE,
) -> subprocess.CompletedProcess[str]:
    """Run this interpreter in a folder; with `check`, fail the test if it does not exit with 0."""
    try:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
    except subprocess.TimeoutExpired as late:  # its output is bytes
        said = b"\n".join(text[-8000:] for text in (late.stdout, late.stderr) if text).decode(errors="replace")
        raise AssertionError(f"{arguments}\nended after {timeout} seconds, by force\n{said}") from late
    if check:
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done


@pytest.fixture(scope="session")
def bake(tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """`bake(**answers)` returns a project made with these answers; equal answers share one."""
    baked: dict[tuple[tuple[str, str], ...], Path] = {}

    def bake(**answers: str) -> Path:
        answers = {question: answer for question, answer in answers.items() if answer != DEFAULTS.get(question)}
        key = tuple(sorted(answers.items()))
        if key not in baked:
            baked[key] = bake_into(TEMPLATE, tmp_path_factory.mktemp("bake"), **answers)
        return baked[key]

    return bake


@pytest.fixture(scope="session")
def project(bake: Bake) -> Path:
    """One project made with the default answers."""
    return bake()


@pytest.fixture(scope="session")
def clean_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user with an empty home folder and no Weights & Biases account."""
    # Without PYTHONDONTWRITEBYTECODE modules are compiled once, not in every process.
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("WANDB_") and key != "PYTHONDONTWRITEBYTECODE"
    }
    environment["HOME"] = str(tmp_path_factory.mktemp("home"))
    environment["PYTHONPATH"] = layers(Path())  # imported without being installed
    return environment


@pytest.fixture(scope="session")
def warm(clean_environment: dict[str, str]) -> Iterator[Warm]:
    """What runs commands in processes that have imported torch already."""
    with Warm(clean_environment) as server:
        yield server


@pytest.fixture(scope="session")
def run(clean_environment: dict[str, str], warm: Warm) -> Run:
    """`run(project, "train", "model=mlp")` runs a command of a project without installing it."""

    def run(project: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = warm.run(project, package_of(project), *words, environment=clean_environment)
        assert not check or done.returncode == 0, f"{words}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
        return done

    return run


@pytest.fixture(scope="session")
def slurm() -> None:
    """A SLURM cluster that answers."""
    if shutil.which("sbatch") is None:
        demanded("SLURM")
    state = subprocess.run(["sinfo", "--noheader", "--format=%a %T"], capture_output=True, text=True, check=False)
    if state.returncode or not re.search("up (idle|mixed|allocated)", state.stdout):
        demanded(f"A SLURM node that works ({state.stdout.strip()} {state.stderr.strip()})")
