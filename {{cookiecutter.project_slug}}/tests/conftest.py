"""Fixtures: commands run in this process (importing torch takes seconds), each in a folder of its own."""

import json
import os
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from loguru import logger

import {{ cookiecutter.package_name }}
from {{ cookiecutter.package_name }}.component_settings import described
from {{ cookiecutter.package_name }}.data import mnist1d
from {{ cookiecutter.package_name }}.data.cache import cached
from {{ cookiecutter.package_name }}.signatures import capabilities, source

PACKAGE = "{{ cookiecutter.package_name }}"
QUICK = ("tracking=none", "figures=false", "trainer.max_epochs=1", "hardware=cpu", "hardware.threads=1")


class Done(NamedTuple):
    """How a command ended, and the run folders that it made."""

    status: int | None
    stderr: str
    folders: list[Path]

    @property
    def folder(self) -> Path:
        """The only run folder."""
        (folder,) = self.folders
        return folder

    @property
    def summary(self) -> dict[str, Any]:
        return json.loads((self.folder / "summary.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory):
    """A folder with the generated MNIST-1D arrays: making them takes seconds, so it is done once."""
    folder = tmp_path_factory.mktemp("generated") / "data"
    cached(folder / "mnist1d.npz", mnist1d.generate)
    return folder


@pytest.fixture
def command(tmp_path, data_folder, monkeypatch, capsys):
    """`command("train", "seed=1")` runs a command as if it were typed, in an empty folder with data/."""
    shutil.copytree(data_folder, tmp_path / "data")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # what no test expects is raised here

    def run(name: str, *overrides: str) -> Done:
        before = set(Path().glob("runs/*/*/"))
        monkeypatch.setattr(sys, "argv", [name, *overrides])
        capsys.readouterr()
        try:
            import_module(f"{PACKAGE}.{name.replace('-', '_')}").main()
            status = 0
        except SystemExit as stop:
            status = stop.code
        made = sorted(path for path in Path().glob("runs/*/*/") if path not in before)
        return Done(status, capsys.readouterr().err, made)

    yield run
    logger.remove()  # the terminal of this test is gone


@pytest.fixture
def train(command):
    """`train("model=cnn")` trains for an epoch, without tracker and figures, unless told otherwise."""

    def run(*overrides: str, status: int | None = 0) -> Done:
        flags = [word for word in overrides if word.startswith("-")]  # Hydra takes them only in front
        here = ["hydra/launcher=basic"] if "-m" in flags else []  # jobs in this process, which has torch already
        done = command("train", *flags, *QUICK, *here, *(word for word in overrides if word not in flags))
        assert done.status == status, done.stderr
        return done

    return run


@pytest.fixture
def write(tmp_path, monkeypatch):
    """`write("models/mine.py", text)` adds a file to the package, as a user would, for settings to be read from."""
    package = {{ cookiecutter.package_name }}
    places = [*package.__path__, str(tmp_path / "added")]
    monkeypatch.setattr(package, "__path__", places)
    monkeypatch.setattr(package.__spec__, "submodule_search_locations", places)

    def add(name: str, text: str) -> None:
        path = tmp_path / "added" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    yield add
    for remembered in (source.load, source.followed, capabilities.states, described):
        remembered.cache_clear()


@pytest.fixture
def messages():
    """What is logged."""
    heard = []
    sink = logger.add(lambda message: heard.append(str(message)), level="INFO")
    yield heard
    logger.remove(sink)


@pytest.fixture
def python(tmp_path):
    """`python("import this")` runs a script in a process of its own; it must succeed."""
    source = Path({{ cookiecutter.package_name }}.__file__).parents[1]

    def run(script: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(source)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
