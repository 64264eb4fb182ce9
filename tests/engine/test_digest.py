"""The engine knows whether it is as it was delivered."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import hyperplane
import pytest
from hyperplane import digest

ENGINE = Path(hyperplane.__path__[0])


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    """A folder with an engine as a template delivers it."""
    folder = tmp_path / "vendor"
    for name in ("hyperplane", "hydra_plugins"):
        shutil.copytree(ENGINE.parent / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    digest.write(folder, "1.2.3")
    return folder


def test_what_is_changed_added_or_deleted_is_edited(vendor: Path) -> None:
    assert digest.edited(vendor) == [] and digest.complaint(vendor) == ""
    plugins, engine = vendor / "hydra_plugins", vendor / "hyperplane"
    (engine / "logs.py").write_text("")
    (engine / "loop" / "own.yaml").write_text("")
    (engine / "errors.py").unlink()
    (plugins / "own.py").write_text("")
    names = ["hydra_plugins/own.py", "hyperplane/errors.py", "hyperplane/logs.py", "hyperplane/loop/own.yaml"]
    assert digest.edited(vendor) == names
    for number in range(9):
        (engine / f"z{number}.py").write_text("")
    first_line = digest.complaint(vendor).splitlines()[0]
    assert first_line.startswith("The engine was edited by hand: vendor/hydra_plugins/own.py, vendor/hyperplane/err")
    assert first_line.endswith("vendor/hyperplane/z3.py, and 5 more")


def test_caches_and_line_endings_of_a_system_are_no_edits(vendor: Path) -> None:
    (vendor / "hyperplane" / "__pycache__").mkdir()
    (vendor / "hyperplane" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (vendor / "hyperplane" / ".DS_Store").write_bytes(b"x")
    path = vendor / "hyperplane" / "logs.py"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert digest.edited(vendor) == []


def test_without_a_digest_nothing_is_known(vendor: Path) -> None:
    (vendor / digest.DIGEST).unlink()
    (vendor / "hyperplane" / "logs.py").write_text("")
    assert digest.read(vendor) is None and digest.edited(vendor) == []


def test_an_installed_engine_is_known_as_well_and_plugins_of_others_are_no_edit(vendor: Path) -> None:
    installed = vendor.rename(vendor.with_name("site-packages"))
    (installed / "hydra_plugins" / "of_others.py").write_text("")
    script = "from hyperplane.digest import engine; print(engine())"

    def said() -> str:
        command = [sys.executable, "-c", script]
        return subprocess.run(command, env={"PYTHONPATH": str(installed)}, capture_output=True, text=True).stdout

    assert said() == "{'version': '1.2.3', 'edited': []}\n"
    (installed / "hydra_plugins" / "local_launcher.py").write_text("")
    assert said() == "{'version': '1.2.3', 'edited': ['hydra_plugins/local_launcher.py']}\n"


def test_a_run_says_what_engine_it_had(train: Any) -> None:
    # The engine of these tests is worked on in place: it was never delivered.
    assert train("model=linear", "data=salary").summary["engine"] == {"version": None, "edited": None}
