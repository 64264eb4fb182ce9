"""Whatever a release of Hydra renames, it refuses to run, and never runs what was not checked."""

import ast
import logging.config
from pathlib import Path

import hydra
import hyperplane
import pytest
from hydra.core.global_hydra import GlobalHydra
from hyperplane.composition import hydra_main, loader
from hyperplane.errors import UserError
from hyperplane.hydra_versions import DEFAULTS
from hyperplane.project import current

SOURCES = Path(hyperplane.__file__).parents[1]
# Hydra would build this before a command starts; it leaves a file.
EVIL = "+hydra.callbacks.x={_target_: builtins.open, file: was-here, mode: w}"
STARTS = [["seed=1"], ["-m", "seed=1,2"], ["-m", "hydra/launcher=basic", "seed=1,2"], ["--cfg", "job"], ["--info=all"]]


@pytest.fixture
def hydras():
    """The classes of what Hydra composes with and of what it runs with, wherever this release has them."""
    with hydra.initialize_config_dir(str(current().configs), **DEFAULTS):
        return type(GlobalHydra.instance().config_loader()), type(GlobalHydra.instance().hydra)


@pytest.fixture
def left(tmp_path):
    """`left()` names what a command has left, beside the data that were there."""
    return lambda: sorted(path.name for path in tmp_path.iterdir() if path.name != "data")


def rename(monkeypatch, kind, name):
    monkeypatch.setattr(kind, f"{name}_renamed", getattr(kind, name), raising=False)
    monkeypatch.delattr(kind, name)


@pytest.mark.parametrize("words", [[], [EVIL]], ids=["harmless", "evil"])
@pytest.mark.parametrize("typed", STARTS, ids=" ".join)
def test_with_a_loader_that_composes_under_another_name_nothing_runs(command, monkeypatch, hydras, left, typed, words):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    rename(monkeypatch, hydras[0], "load_configuration")
    done = command("train", *typed, "tracking=none", *words)
    assert done.status == 1 and "train failed" in done.stderr
    assert left() == []


def test_with_a_loader_that_composes_jobs_under_another_name_no_job_runs(command, monkeypatch, hydras, left):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    rename(monkeypatch, hydras[0], "load_sweep_config")
    done = command("train", "-m", "tracking=none", "seed=1,2")
    assert done.status == 1 and "train failed" in done.stderr
    assert left() == []


@pytest.mark.parametrize("name", ["run", "multirun", "compose_config"])
@pytest.mark.parametrize("typed", STARTS[:4], ids=" ".join)
def test_what_hydra_would_run_and_compose_by_itself_is_not_asked(command, monkeypatch, hydras, left, typed, name):
    rename(monkeypatch, hydras[1], name)
    done = command("train", *typed, "tracking=none", EVIL)
    assert done.status == 2 and "hydra.callbacks.x._target_=builtins.open is not allowed" in done.stderr
    assert left() == []


@pytest.mark.parametrize("name", ["train", "evaluate", "predict", "export-model"])
def test_nothing_is_built_or_logged_before_the_check(command, monkeypatch, left, name):
    def refuse(config):
        raise UserError("looked through")

    def too_early(*arguments, **options):
        raise AssertionError("before the check")

    monkeypatch.setattr(loader, "refuse_foreign_code", refuse)
    monkeypatch.setattr(logging.config, "dictConfig", too_early)
    for used in ("configure_log", "run_job", "call"):
        monkeypatch.setattr(hydra_main, used, too_early)
    for typed in STARTS if name == "train" else [[], ["--cfg", "job"]]:
        done = command(name, *typed)
        assert done.status == 2 and done.stderr == "looked through\n"
    assert left() == []


def test_an_argument_of_the_resolver_of_hydra_1_4_is_refused(command, left):
    """It can name another resolver, which would be called."""
    done = command("train", "tracking=none", "+data.x='${hydra_override_dirname:{element_resolver: oc.decode}}'")
    assert done.status == 2 and "data.x=" in done.stderr and "${name:...} can be" in done.stderr
    assert left() == []


def test_nothing_private_of_hydra_or_omegaconf_is_imported():
    private = []
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            private += [(path.name, name) for name in names if name.startswith(("hydra._", "omegaconf._"))]
    assert private == []


@pytest.mark.parametrize("typed", [["--cfg", "job"], [], ["-m", "seed=1,2"]])
def test_a_package_to_search_is_not_imported(command, tmp_path, monkeypatch, left, typed):
    package = tmp_path / "evil"
    package.mkdir()
    (package / "__init__.py").write_text("open('was-here', 'w')")
    monkeypatch.syspath_prepend(str(tmp_path))
    done = command("train", *typed, "hydra.searchpath=[pkg://evil]")
    assert done.status == 2 and "hydra.searchpath is not allowed to name packages" in done.stderr
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "mine.yaml").write_text("defaults: [train, _self_]\nhydra:\n  searchpath: ['pkg://evil']\n")
    done = command("train", "--config-dir", "shared", "--config-name", "mine", *typed)
    assert done.status == 2 and "hydra.searchpath is not allowed to name packages" in done.stderr
    assert left() == ["evil", "shared"]
