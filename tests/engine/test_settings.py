"""YAML files, signatures, settings classes and the code that they configure agree with each other."""

import inspect
import pickle
from typing import get_args

import lightning.pytorch
import pytest
from hyperplane import setting_types, settings
from hyperplane.component_settings import described
from hyperplane.configs import COLLECTIONS, COMPONENTS, ENGINE_CONFIGS, files, folders
from hyperplane.project import current
from hyperplane.signatures.fields import kind_of
from omegaconf import OmegaConf
from pydantic import ValidationError

from my_research.models.activations import ACTIVATIONS
from my_research.models.rnn import CELLS

PACKAGE = "my_research"
CONFIGS = current().configs


def name(path):
    return f"{path.parent.name}={path.stem}"


def values(path):
    return OmegaConf.to_container(OmegaConf.load(path), resolve=True)


GROUP_FILES = [path for group in (*COMPONENTS, "tracking") for path in files(group)]
COMPONENT_FILES = [path for path in GROUP_FILES if values(path).get("_target_")]  # not scheduler=none, tracking=wandb
TARGETS = {(values(path)["_target_"], path.parent.name) for path in COMPONENT_FILES}
OWN_TARGETS = sorted((target, group) for target, group in TARGETS if target.startswith(PACKAGE))
OWN_FILES = [  # a file that says how it differs from another is left to composition
    path
    for group in ("hardware", "tracking")
    for path in files(group)
    if "defaults" not in values(path) and path not in COMPONENT_FILES
]


@pytest.mark.parametrize("group", [*COMPONENTS, *COLLECTIONS])
def test_every_group_has_files(group):
    assert list(files(group))


@pytest.mark.parametrize("path", COMPONENT_FILES, ids=name)
def test_a_component_file_holds_settings_of_what_it_names(path):
    given = {setting: value for setting, value in values(path).items() if setting != "defaults"}
    chosen_later = {setting for setting, value in given.items() if value == "???"}
    try:
        described(given["_target_"], path.parent.name).model_validate(
            {setting: value for setting, value in given.items() if setting not in chosen_later}
        )
    except ValidationError as error:
        assert {(problem["type"], *problem["loc"]) for problem in error.errors()} <= {
            ("missing", setting) for setting in chosen_later
        }


@pytest.mark.parametrize(
    ("group", "given"),
    [
        ("model", {"_target_": f"{PACKAGE}.models.mlp.MLP", "hidden_sizes": [3]}),
        ("optimizer", {"_target_": "torch.optim.SGD", "lr": 0.1, "groups": [{"match": "body", "lr": 0.01}]}),
        ("scheduler", {"_target_": "torch.optim.lr_scheduler.StepLR", "step_size": 3, "interval": "step"}),
        ("loss", {"_target_": "torch.nn.CrossEntropyLoss"}),
    ],
)
def test_settings_of_a_component_are_sent_to_other_processes(group, given):
    sent = described(given["_target_"], group).model_validate(given)
    received = pickle.loads(pickle.dumps(sent))
    assert received == sent and received.model_fields_set == sent.model_fields_set
    assert (received.arguments(), received.reserved) == (sent.arguments(), sent.reserved)


@pytest.mark.parametrize(("target", "group"), OWN_TARGETS)
def test_a_rule_between_settings_names_settings(target, group):
    kind = described(target, group)
    types = [kind_of(name, parameter) for name, parameter in kind.about.parameters.items()]
    stated = [rule for one in types for rule in get_args(one)[1:] if isinstance(rule, setting_types.Relation)]
    assert [rule for _, rule in kind.about.rules] == stated


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


@pytest.mark.parametrize("group", ["trainer", "checkpoint", "early_stopping"])
def test_the_engines_configuration_states_the_defaults(group):
    kind = type(settings.Settings.model_fields[group].default)
    assert OmegaConf.load(ENGINE_CONFIGS / "hyperplane.yaml")[group] == kind().model_dump()


def test_train_yaml_and_what_it_stands_on_forget_no_setting():
    given, below = OmegaConf.load(CONFIGS / "train.yaml"), OmegaConf.load(ENGINE_CONFIGS / "hyperplane.yaml")
    entries = (entry for entry in given.defaults if entry not in ("_self_", "hyperplane"))
    groups = {group for entry in entries for group in entry if " " not in group}
    assert {*below, *groups} - {"hydra", "experiment"} == set(settings.Settings.model_fields)
    assert {*given} - {"defaults"} <= {*below}


def test_trainer_settings_are_arguments_of_lightnings_trainer():
    own = {"least_steps"}
    assert set(settings.Trainer.model_fields) - own <= set(inspect.signature(lightning.pytorch.Trainer).parameters)


def choices(target, setting):
    return set(get_args(described(f"{PACKAGE}.{target}").model_fields[setting].annotation))


def test_the_names_that_settings_allow_are_those_that_models_know():
    assert choices("models.mlp.MLP", "activation") == choices("models.cnn.CNN", "activation") == set(ACTIVATIONS)
    assert choices("models.rnn.RNN", "cell") == set(CELLS)


@pytest.mark.parametrize("path", [path for folder in folders() for path in sorted(folder.rglob("*.yaml"))], ids=name)
def test_the_first_line_of_every_file_says_when_to_choose_it(path):
    first = path.read_text(encoding="utf-8").splitlines()
    assert first[1 if "@package" in first[0] else 0].startswith("# "), "it begins with a comment: when to choose it"
