"""The tests of the engine: one project is baked, and commands run in this process, as importing torch takes seconds.

The project's engine is the template's own folder, so that what is changed there is tested at once:
`python -m pytest tests/engine/test_table.py`.
"""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from claims import unclaimed
from cookiecutter.main import cookiecutter

TEMPLATE = Path(__file__).resolve().parents[2]
ENGINE = TEMPLATE / "{{cookiecutter.project_slug}}" / "vendor"
BAKED = tempfile.mkdtemp(prefix="engine-tests-")
atexit.register(shutil.rmtree, BAKED, ignore_errors=True)
PROJECT = Path(cookiecutter(str(TEMPLATE), no_input=True, default_config=True, output_dir=BAKED))
shutil.rmtree(PROJECT / "vendor")
(PROJECT / "vendor").symlink_to(ENGINE)
sys.path[:0] = [str(PROJECT / "src"), str(ENGINE)]
os.environ["PYTHONPATH"] = os.pathsep.join(sys.path[:2])  # of the processes that tests start

from hyperplane.command_line import start  # noqa: E402
from hyperplane.component_settings import described  # noqa: E402
from hyperplane.data.cache import cached  # noqa: E402
from hyperplane.signatures import capabilities, source  # noqa: E402
from loguru import logger  # noqa: E402

import my_research  # noqa: E402
from my_research.data import mnist1d  # noqa: E402

QUICK = ("tracking=none", "figures=false", "trainer.max_epochs=1", "hardware=cpu", "hardware.threads=1")


def pytest_runtestloop(session):
    """Run the files that no other process has taken, where CLAIMS names a folder that several share; else all."""
    if "CLAIMS" not in os.environ or session.testsfailed or session.config.option.collectonly:
        return None
    files = {}
    for item in session.items:
        files.setdefault(item.path.name, []).append(item)
    chosen = (item for name in unclaimed(files, Path(os.environ["CLAIMS"])) for item in files[name])
    item = next(chosen, None)
    while item is not None:
        following = next(chosen, None)  # by which pytest knows which fixtures have served
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail:  # -x, as in pytest's own loop
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
    return True


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
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")  # commands set it: forgotten again after the test

    def run(name: str, *overrides: str) -> Done:
        before = set(Path().glob("runs/*/*/"))
        monkeypatch.setattr(sys, "argv", [name, *overrides])
        capsys.readouterr()
        try:
            status = start(name) or 0
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
def sweep(command, monkeypatch):
    """`sweep("stacked", "seed=0,1")` runs a multirun by that launcher, in this process; returns its folder.

    `sweep.said` is what it wrote to the terminal.
    """
    from hyperplane.stacking import launching

    monkeypatch.setattr(launching, "run_in_workers", lambda run, jobs, *_: [run(job) for job in jobs])

    def run(launcher: str, *words: str, name: str | None = None, status: int = 0) -> Path:
        done = command(
            "train",
            "-m",
            *(word for word in QUICK if "epochs" not in word),
            *words,
            f"hydra/launcher={launcher}",
            *(["hydra.launcher.n_jobs=1"] if launcher == "stacked" else []),
            f"sweep={name or launcher}",
        )
        assert done.status == status, done.stderr
        run.said = done.stderr
        return Path("runs/sweeps") / (name or launcher)

    return run


@pytest.fixture
def write(tmp_path, monkeypatch):
    """`write("models/mine.py", text)` adds a file to the package, as a user would, for settings to be read from."""
    package = my_research
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

    def run(script: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
