"""A baked project builds and passes its own tests."""

import re
import tomllib
import zipfile
from pathlib import Path

import pytest
from checks import git
from conftest import OWN_TESTS_IN, Bake, package_of, python
from in_background import UNTESTED_IN, OwnTests
from packaging.requirements import Requirement

AWKWARD = {
    "project_name": "Ünïcode – 深度学习",
    "description": "It's 100 % 'quoted': # & <b>",
    "author_name": "Zoë O'Brien, PhD (Łódź) 李",
    "author_email": "zoe.o'brien+lab@mail.example.org",
}


@pytest.fixture(scope="module")
def wheel(bake: Bake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a project with awkward answers."""
    folder = tmp_path_factory.mktemp("wheel")
    python(bake(**AWKWARD), "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    (wheel,) = folder.glob("*.whl")
    return wheel


def test_a_wheel_holds_project_engine_configs_and_the_licence(bake: Bake, wheel: Path) -> None:
    project = bake(**AWKWARD)
    package = package_of(project)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
        scripts = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    assert {f"{package}/configs/train.yaml", f"{package}/data/__init__.py"} <= {*names}
    assert {"hyperplane/configs/hydra/launcher/local.yaml", "hydra_plugins/search_path.py"} <= {*names}
    for layer in ("src", "vendor"):
        files = (project / layer / name for name in git(project / layer, "ls-files", "-z").split("\0")[:-1])
        assert {path.relative_to(project / layer).as_posix() for path in files} <= {*names}
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "Requires-Python: >=3.11" in metadata
    assert AWKWARD["description"] in metadata
    for command in ("train", "evaluate", "predict", "export-model", "report", "runs", "codestyle"):
        assert f"{command} = {package}.__main__:{command.replace('-', '_')}" in scripts


def test_a_project_that_is_installed_works_without_its_source(
    bake: Bake, wheel: Path, tmp_path: Path, clean_environment: dict[str, str]
) -> None:
    installed = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(installed)
    environment = clean_environment | {"PYTHONPATH": str(installed)}
    command = ("-m", package_of(bake(**AWKWARD)))
    words = ("model=linear", "data=blobs", "trainer.max_epochs=1", "tracking=none", "sweep=two")
    python(tmp_path, *command, "train", "-m", "hydra/launcher=joblib", "seed=0,1", *words, env=environment)
    table = python(tmp_path, *command, "report", "runs/sweeps/two", env=environment).stdout
    assert re.search("^linear +blobs +2 ", table, re.MULTILINE), table


def test_no_lightning_with_malicious_code_is_installed_and_none_that_was_not_tried(bake: Bake) -> None:
    project = bake()
    stated = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    everything = sum(stated["optional-dependencies"].values(), stated["dependencies"])
    (allowed,) = (each.specifier for each in map(Requirement, everything) if each.name == "lightning")
    (pinned,) = re.findall("^lightning==(.*)$", (project / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert allowed.contains(pinned) and allowed.contains("2.6.1")
    assert not any(map(allowed.contains, ("2.6.2", "2.6.3", "2.7.0", "2.5.5")))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*OWN_TESTS_IN} - {UNTESTED_IN}))  # see test_codestyle.py
def test_the_projects_own_tests_pass(own_tests: OwnTests, name: str) -> None:
    own_tests[name].done.result()
