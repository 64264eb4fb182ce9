"""YAML files, signatures, settings classes and the code that they configure agree with each other."""

import inspect
from importlib import import_module
from pathlib import Path
from typing import get_args

import lightning.pytorch
import pytest
from omegaconf import OmegaConf

import {{ cookiecutter.package_name }}
from {{ cookiecutter.package_name }} import setting_types, settings
from {{ cookiecutter.package_name }}.component_settings import described
from {{ cookiecutter.package_name }}.configs import COLLECTIONS, COMPONENTS
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
TARGETS = {(values(path)["_target_"], path.parent.name) for path in COMPONENT_FILES}
OWN_TARGETS = sorted((target, group) for target, group in TARGETS if target.startswith(PACKAGE))
OWN_FILES = [  # a file that says how it differs from another is left to composition
    path
    for group in ("hardware", "tracking")
    for path in sorted(CONFIGS.glob(f"{group}/*.yaml"))
    if "defaults" not in values(path)
]


@pytest.mark.parametrize("group", [*COMPONENTS, *COLLECTIONS])
def test_every_group_has_files(group):
    assert list(CONFIGS.glob(f"{group}/*.yaml"))


@pytest.mark.parametrize("path", COMPONENT_FILES, ids=name)
def test_the_keys_of_a_component_file_are_settings_of_what_it_names(path):
    given = values(path)
    kind = described(given["_target_"], path.parent.name)
    assert given.keys() - {"_target_"} <= {*kind.names()}
    kind.model_validate({setting: setting if value == "???" else value for setting, value in given.items()})


@pytest.mark.parametrize("path", [path for path in COMPONENT_FILES if PACKAGE in values(path)["_target_"]], ids=name)
def test_each_setting_of_our_own_is_in_its_file(path):
    """Only what stands there can be typed without a plus sign."""
    kind = described(values(path)["_target_"], path.parent.name)
    assert {*kind.names()} - {*kind.not_arguments} <= values(path).keys()


@pytest.mark.parametrize(("target", "group"), OWN_TARGETS)
def test_one_file_of_each_component_of_ours_states_its_defaults(target, group):
    kind = described(target, group)
    fields = {setting: kind.model_fields[setting] for setting in kind.names()}
    defaults = {setting: field.default for setting, field in fields.items() if not field.is_required()}
    files = [values(path) for path in COMPONENT_FILES if values(path)["_target_"] == target]
    given = [
        kind.model_validate({key: key if value == "???" else value for key, value in one.items()}) for one in files
    ]
    if len(defaults) == len(fields) or len(files) == 1:  # else its files choose among what has no default
        assert any(defaults == {setting: getattr(one, setting) for setting in defaults} for one in given)


@pytest.mark.parametrize(("target", "group"), OWN_TARGETS)
def test_our_own_settings_say_what_they_allow_and_mean(target, group):
    kind = described(target, group)
    for setting in kind.names():
        if setting in kind.about.parameters:
            assert kind.about.parameters[setting].meaning, setting
            assert kind.about.parameters[setting].annotation is not None, setting


@pytest.mark.parametrize(("target", "group"), OWN_TARGETS)
def test_a_rule_between_settings_names_settings(target, group):
    kind = described(target, group)
    written = sum(
        rule in inspect.getsource(made(target)) for rule in ("Divides(", "SameLength(", "Needs(", "Distinct(")
    )
    assert len(kind.about.rules) == written


def made(target):
    module, _, attribute = target.rpartition(".")
    return getattr(import_module(module), attribute)


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
    return set(get_args(described(f"{PACKAGE}.{target}").model_fields[setting].annotation))


def test_the_names_that_settings_allow_are_those_that_models_know():
    assert set(get_args(setting_types.Activation)) == set(ACTIVATIONS)
    assert choices("models.mlp.MLP", "activation") == choices("models.cnn.CNN", "activation") == set(ACTIVATIONS)
    assert choices("models.rnn.RNN", "cell") == set(CELLS)


@pytest.mark.parametrize("path", sorted(CONFIGS.rglob("*.yaml")), ids=lambda path: str(path.relative_to(CONFIGS)))
def test_the_first_line_of_every_file_says_when_to_choose_it(path):
    first = path.read_text(encoding="utf-8").splitlines()
    assert first[1 if "@package" in first[0] else 0].startswith("# "), "it begins with a comment: when to choose it"
