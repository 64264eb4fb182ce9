"""YAML files, settings classes and the code that they configure agree with each other."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import get_args

import lightning.pytorch
import pytest
from omegaconf import OmegaConf

import {{ cookiecutter.package_name }}
from {{ cookiecutter.package_name }} import settings
from {{ cookiecutter.package_name }}.checking import COMPONENTS
from {{ cookiecutter.package_name }}.components import Component, OpenComponent, settings_class
from {{ cookiecutter.package_name }}.models.activations import ACTIVATIONS
from {{ cookiecutter.package_name }}.models.rnn import CELLS

PACKAGE = "{{ cookiecutter.package_name }}"
CONFIGS = Path({{ cookiecutter.package_name }}.__file__).parent / "configs"


def name(path):
    return f"{path.parent.name}={path.stem}"


def values(path):
    return OmegaConf.to_container(OmegaConf.load(path), resolve=True)


GROUP_FILES = [path for group in COMPONENTS for path in sorted(CONFIGS.glob(f"{group}/*.yaml"))]
COMPONENT_FILES = [path for path in GROUP_FILES if values(path)["_target_"]]  # not scheduler=none
OWN_FILES = [  # a file that says how it differs from another is left to composition
    path
    for group in ("hardware", "tracking")
    for path in sorted(CONFIGS.glob(f"{group}/*.yaml"))
    if "defaults" not in values(path)
]


def factory(target):
    module, _, attribute = target.rpartition(".")
    module = module if target.startswith("torch.") else f"{PACKAGE}.{module}"
    return getattr(import_module(module), attribute)


def defaults(kind):
    """The settings of a component that need not be given, with their defaults."""
    fields = kind.model_fields.items()
    return {name: field.default for name, field in fields if not field.is_required()}


@pytest.mark.parametrize("group", COMPONENTS)
def test_every_group_has_files(group):
    assert list(CONFIGS.glob(f"{group}/*.yaml"))


@pytest.mark.parametrize("path", COMPONENT_FILES, ids=name)
def test_a_component_file_states_every_setting_of_its_class(path):
    given = values(path)
    kind = settings_class(given["_target_"])
    if kind is not OpenComponent:  # as long as it has no class of settings, its file may state what it likes
        assert set(given) - {"_target_"} == set(kind.model_fields) - {"import_path"}
    kind.model_validate({setting: setting if value == "???" else value for setting, value in given.items()})


@pytest.mark.parametrize("target", sorted(Component.known))
def test_one_file_of_each_component_states_its_defaults(target):
    kind = Component.known[target]
    files = [given for given in map(values, COMPONENT_FILES) if given["_target_"].endswith(target)]
    assert files, "a component without a file cannot be chosen"
    if len(defaults(kind)) == len(kind.model_fields) - 1:  # else its files choose among what has no default
        assert defaults(kind) in [kind.model_validate(given).arguments() for given in files]


@pytest.mark.parametrize("target", sorted(Component.known))
def test_settings_are_arguments_of_what_they_configure(target):
    parameters = inspect.signature(factory(target)).parameters
    takes_more = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    for setting, default in defaults(Component.known[target]).items():
        assert setting in parameters or takes_more, setting
        stated = parameters[setting].default if setting in parameters else inspect.Parameter.empty
        if stated is not inspect.Parameter.empty and PACKAGE in factory(target).__module__:
            assert stated == default, setting


@pytest.mark.parametrize("path", OWN_FILES, ids=name)
def test_a_hardware_or_tracking_file_is_valid(path):
    kind = {"hardware": settings.Hardware, "tracking": settings.Tracking}[path.parent.name]
    given = values(path)
    kind.model_validate(given)
    if path.parent.name == "tracking":
        assert given["kind"] == path.stem
    else:
        own = {
            "auto": {"accelerator": "auto", "devices": "auto", "precision": "auto"},
            "ddp": {"accelerator": "gpu", "devices": "auto"},
            "fsdp": {"accelerator": "gpu", "devices": "auto", "strategy": "fsdp"},
            "ddp_cpu": {"accelerator": "cpu", "devices": 2},
        }
        assert given == {**kind().model_dump(), **own.get(path.stem, {"accelerator": path.stem})}


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


def choices(target, setting):
    return set(get_args(Component.known[target].model_fields[setting].annotation))


def test_the_names_that_settings_allow_are_those_that_models_know():
    assert choices("models.mlp.MLP", "activation") == choices("models.cnn.CNN", "activation") == set(ACTIVATIONS)
    assert choices("models.rnn.RNN", "cell") == set(CELLS)


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONFIGS)))
def test_the_first_line_of_every_file_says_when_to_choose_it(path):
    first = path.read_text(encoding="utf-8").splitlines()
    assert first[1 if "@package" in first[0] else 0].startswith("# "), "it begins with a comment: when to choose it"
