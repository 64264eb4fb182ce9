"""Fixtures: bake a project from the template, and run its commands as a user would."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parents[1]
Bake = Callable[..., Path]
Run = Callable[..., subprocess.CompletedProcess[str]]


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


def python(
    folder: Path, *arguments: str, check: bool = True, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run this interpreter in a folder; with `check`, fail the test if it does not exit with 0."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    if check:
        assert done.returncode == 0, f"{arguments}\n{done.stdout[-8000:]}\n{done.stderr[-8000:]}"
    return done


@pytest.fixture(scope="session")
def bake(tmp_path_factory: pytest.TempPathFactory) -> Bake:
    """`bake(**answers)` returns a project made with these answers; equal answers share one."""
    baked: dict[tuple[tuple[str, str], ...], Path] = {}

    def bake(**answers: str) -> Path:
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
    # A package under src/ is imported without being installed.
    environment["PYTHONPATH"] = "src"
    return environment


@pytest.fixture(scope="session")
def run(clean_environment: dict[str, str]) -> Run:
    """`run(project, "train", "model=mlp")` runs a command of a project without installing it."""

    def run(project: Path, module: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = ("-m", f"{package_of(project)}.{module}", *arguments)
        return python(project, *command, check=check, env=clean_environment)

    return run
