"""YAML files, settings classes and the code that they configure agree with each other."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import get_args

import lightning.pytorch
import pytest
from omegaconf import OmegaConf

from {{ cookiecutter.package_name }} import settings
from {{ cookiecutter.package_name }}.components import Component, settings_class
from {{ cookiecutter.package_name }}.models import activations, rnn

PACKAGE = "{{ cookiecutter.package_name }}"
CONFIGS = Path(settings.__file__).parent / "configs"
COMPONENT_FILES = [
    path
    for group in ("model", "data", "optimizer", "scheduler")
    for path in sorted(CONFIGS.glob(f"{group}/*.yaml"))
    if path.stem != "none"
]
OWN_FILES = sorted([*CONFIGS.glob("hardware/*.yaml"), *CONFIGS.glob("tracking/*.yaml")])


def name(path):
    return f"{path.parent.name}={path.stem}"


def values(path):
    return OmegaConf.to_container(OmegaConf.load(path), resolve=True)


def factory(target):
    module, _, attribute = target.rpartition(".")
    module = module if target.startswith("torch.") else f"{PACKAGE}.{module}"
    return getattr(import_module(module), attribute)


@pytest.mark.parametrize("path", COMPONENT_FILES, ids=name)
def test_a_component_file_states_every_setting_of_its_class(path):
    given = values(path)
    kind = settings_class(given["_target_"])
    assert set(given) - {"_target_"} == set(kind.model_fields) - {"target"}
    kind.model_validate(given)


@pytest.mark.parametrize("target", sorted(Component.known))
def test_one_file_of_each_component_states_its_defaults(target):
    kind = Component.known[target]
    files = [given for given in map(values, COMPONENT_FILES) if given["_target_"].endswith(target)]
    assert kind(_target_="").arguments() in [kind.model_validate(given).arguments() for given in files]


@pytest.mark.parametrize("target", sorted(Component.known))
def test_settings_are_arguments_of_what_they_configure(target):
    parameters = inspect.signature(factory(target)).parameters
    takes_more = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for setting, default in Component.known[target](_target_="").arguments().items():
        if setting in parameters and PACKAGE in factory(target).__module__:
            assert parameters[setting].default == default, setting
        assert setting in parameters or takes_more, setting


@pytest.mark.parametrize("path", OWN_FILES, ids=name)
def test_a_hardware_or_tracking_file_is_valid(path):
    kind = {"hardware": settings.Hardware, "tracking": settings.Tracking}[path.parent.name]
    given = values(path)
    kind.model_validate(given)
    if path.parent.name == "tracking":
        assert given["kind"] == path.stem
    else:
        assert given == {**kind().model_dump(), "accelerator": path.stem}


@pytest.mark.parametrize("group", ["trainer", "checkpoint"])
def test_train_yaml_states_the_defaults(group):
    kind = {"trainer": settings.Trainer, "checkpoint": settings.Checkpoint}[group]
    assert OmegaConf.load(CONFIGS / "train.yaml")[group] == kind().model_dump()


def test_train_yaml_names_no_setting_twice_and_forgets_none():
    given = OmegaConf.load(CONFIGS / "train.yaml")
    groups = {group for entry in given.defaults if entry != "_self_" for group in entry if " " not in group}
    stated = {*given, *groups} - {"defaults", "hydra", "experiment"}
    assert stated == set(settings.Settings.model_fields)


def test_trainer_settings_are_arguments_of_lightnings_trainer():
    assert set(settings.Trainer.model_fields) <= set(inspect.signature(lightning.pytorch.Trainer).parameters)


def test_the_names_that_settings_allow_are_those_that_models_know():
    assert set(get_args(settings.Activation)) == set(activations.ACTIVATIONS)
    assert set(get_args(settings.RNN.model_fields["cell"].annotation)) == set(rnn.CELLS)


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONFIGS)))
def test_the_first_line_of_every_file_says_when_to_choose_it(path):
    first = path.read_text(encoding="utf-8").splitlines()
    assert first[1 if "@package" in first[0] else 0].startswith("# ")
