"""A baked project builds and passes its own tests."""

import re
import tomllib
import zipfile
from pathlib import Path

import pytest
from conftest import OWN_TESTS_IN, Bake, OwnTests, package_of, python
from packaging.requirements import Requirement

AWKWARD = {
    "project_name": "Ünïcode – 深度学习",
    "description": "It's 100 % 'quoted': # & <b>",
    "author_name": "Zoë O'Brien, PhD (Łódź) 李",
    "author_email": "zoe.o'brien+lab@mail.example.org",
}


def test_a_wheel_holds_the_configs_and_the_licence(bake: Bake, tmp_path: Path) -> None:
    project = bake(**AWKWARD)
    package = package_of(project)
    python(project, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(next(n for n in names if n.endswith("METADATA"))).decode()
        scripts = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    configs = [path for path in (project / "src" / package).rglob("*.yaml")]
    assert f"{package}/configs/train.yaml" in names
    assert any(name.startswith("hydra_plugins/") for name in names)
    assert {path.relative_to(project / "src").as_posix() for path in configs} <= set(names)
    assert f"{package}/data/__init__.py" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "Requires-Python: >=3.11" in metadata
    assert AWKWARD["description"] in metadata
    for command in ("train", "evaluate", "predict", "export-model", "report", "runs", "codestyle"):
        assert f"{command} = {package}.{command.replace('-', '_')}:main" in scripts


def test_no_lightning_with_malicious_code_is_installed_and_none_that_was_not_tried(bake: Bake) -> None:
    project = bake()
    stated = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    everything = sum(stated["optional-dependencies"].values(), stated["dependencies"])
    (allowed,) = (each.specifier for each in map(Requirement, everything) if each.name == "lightning")
    (pinned,) = re.findall("^lightning==(.*)$", (project / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert allowed.contains(pinned) and allowed.contains("2.6.1")
    assert not any(map(allowed.contains, ("2.6.2", "2.6.3", "2.7.0", "2.5.5")))


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN_TESTS_IN)
def test_the_projects_own_tests_pass(own_tests: OwnTests, name: str) -> None:
    own_tests[name].result()
