"""Says in a sentence what is wrong with a configuration: with its keys, or with their values. Never imports torch."""

import re
import sys
from typing import Any

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import Container, DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError
from pydantic import BaseModel, ValidationError

from .components import Component, OpenComponent, settings_class
from .configs import COMPONENTS, choices, listing
from .mistakes import UserMistake, nearest
from .secrecy import mask
from .settings import Settings
from .strangers import refuse_foreign_code

REQUIRED = ("model", "data", "optimizer")

# What pydantic says, in the words of the command line.
WORDS = {
    "^Value error, ": "",
    "^Input should be ": "must be ",
    ", unable to .*": "",
    "a valid dictionary or instance of .*": "a group of settings",
    "a valid dictionary$": "a group of settings, such as {name: 1}",
    "a valid (tuple|list)$": "a list, such as [1,2]",
    "a valid boolean": "true or false",
    "a valid integer": "a whole number",
    "a valid number": "a number",
    "a valid string": "a word",
    "^String should match pattern ": "must match the pattern ",
}

# Takes the place of a component that is wrong, so that the other settings are checked as well.
STAND_IN = OpenComponent(_target_="")


def check(config: DictConfig) -> Settings:
    """Return the settings that `config` holds.

    Raises:
        UserMistake: names each key that is unknown, of the wrong type or out of range, its value and the remedy.
    """
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    refuse_foreign_code(own)
    values: Any = OmegaConf.to_container(own, resolve=True)
    missing = sorted(OmegaConf.missing_keys(own))  # ??? in a file
    if missing:
        raise UserMistake("\n".join(f"{key} has no value, and no default: give one with {key}=..." for key in missing))
    problems: list[str] = []
    checked = dict(values)
    for group in COMPONENTS:
        given = values.get(group)
        if isinstance(given, dict) and given.get("_target_"):
            checked[group] = check_component(group, given, problems)
        elif group in REQUIRED:
            problems.append(f"{group} is not chosen: name one of its files, {group}={listing(choices(group), ' or ')}")
            checked[group] = STAND_IN
        else:  # such as scheduler=none
            checked[group] = None
            others = [name for name in given or () if name != "_target_"]
            problems += [f"{group}.{name}={given[name]} is not a setting. {unchosen(group)}" for name in others]
    try:
        settings = Settings.model_validate(checked)
    except ValidationError as error:
        problems += describe(error, Settings, checked)
    if problems:
        raise UserMistake("\n".join(problems))
    return settings


def check_component(group: str, given: dict[str, Any], problems: list[str]) -> Component:
    """Return the settings of the component in `group`; add what is wrong with them to `problems`."""
    try:
        return settings_class(given["_target_"]).model_validate(given)
    except UserMistake as mistake:
        problems.append(f"{group}.{mistake}")
    except ValidationError as error:
        problems += describe(error, settings_class(given["_target_"]), given, (group,))
    return STAND_IN


def describe(error: ValidationError, settings: type[BaseModel], values: Any, prefix: tuple[str, ...] = ()) -> list[str]:
    """Return a sentence for each wrong key: the key, its value, what is allowed, the nearest valid name."""
    unknown: list[str] = []
    wrong: dict[str, list[str]] = {}
    for problem in error.errors():
        path, owner, value = locate(problem["loc"], settings, values)
        key = ".".join([*prefix, *map(str, path)])
        message = problem["msg"]
        for pattern, words in WORDS.items():
            message = re.sub(pattern, words, message)
        if problem["type"] == "extra_forbidden":
            known = [name for name in owner.model_fields if name != "import_path"]
            where = key.rpartition(".")[0] or "the configuration"
            hint = nearest(str(path[-1]), known)
            unknown.append(f"{key}={value} is not a setting. {hint}\n{where} has: {', '.join(known) or 'no settings'}")
        elif not path or isinstance(value, dict):  # a rule between several settings
            unknown.append(f"{key}: {message}" if key else message)
        else:
            allowed = re.findall("'([^']*)'", problem.get("ctx", {}).get("expected", ""))
            wrong.setdefault(f"{key}={value}", []).append(
                ". ".join(filter(None, [message, nearest(str(value), allowed)]))
            )
    return unknown + [f"{what} is not allowed: {', or '.join(why)}" for what, why in wrong.items()]


def locate(location: tuple[Any, ...], settings: type[BaseModel], values: Any) -> tuple[list[Any], type[BaseModel], Any]:
    """Follow pydantic's location into the values, as far as it names keys (a union adds the names of its types).

    Returns:
        The path, the settings class that owns its last key, and the value there.
    """
    if location and isinstance(values, dict) and location[0] not in values:
        return list(location), settings, None  # a key that is missing
    path: list[Any] = []
    for part in location:
        if (isinstance(values, dict) and part in values) or (isinstance(values, list) and part in range(len(values))):
            field = settings.model_fields.get(str(path[-1])) if path else None
            if field is not None and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                settings = field.annotation
            path.append(part)
            values = values[part]
    return path, settings, values


def explain(error: Exception) -> str:
    """Say in a few lines what Hydra could not compose, with the nearest valid name."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = str(error.missing_cfg_file).rpartition("/")
        known = error.options
        return f"{group}={choice} is not known. {nearest(choice, known)}\n{group} can be: {listing(known)}"
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ConfigKeyError | ConfigAttributeError):
        cause = cause.__cause__
    if (
        isinstance(cause, ConfigKeyError | ConfigAttributeError)
        and isinstance(cause.full_key, str)
        and cause.parent_node is not None
    ):
        return explain_key(cause.full_key, cause.parent_node)
    message = str(error).strip().splitlines()
    if message and "Could not override" in message[0]:
        key = message[0].split("'")[1]
        return f"{typed(key)} is not a setting. {nearest(key, choices())}\nthe groups are: {listing(choices())}"
    if isinstance(error, OverrideParseException):
        why = message[1] if "Error parsing override" in message[0] else message[0]
        return f"{mask(error.override)} cannot be read: {why}\nAn override is name=value, such as seed=1"
    return "\n".join(message + ([str(error.__cause__)] if error.__cause__ else []))


def explain_key(full_key: str, parent: Container) -> str:
    """Say that the section `parent` has no such key: the nearest that it has, or where there is one of that name."""
    path, _, key = full_key.rpartition(".")
    known = [str(name) for name in parent if name != "_target_"]
    says = f"{typed(full_key)} is not a setting."
    if path in COMPONENTS and not known:
        return f"{says} {unchosen(path)}"
    if path and not known:
        return f"{says} {path} is empty; to add something to it: +{typed(full_key)}"
    sections: Any = OmegaConf.to_container(parent._get_root(), resolve=False)  # some may have no value yet
    elsewhere = [f"{name}.{key}" for name, section in sections.items() if isinstance(section, dict) and key in section]
    suggestion = nearest(key, known).replace("mean ", f"mean {path}." if path else "mean ")
    where = f"{path} has" if path else "the settings are"
    return f"{says} {suggestion or (elsewhere and f'Did you mean {elsewhere[0]}?') or ''}\n{where}: {listing(known)}"


def unchosen(group: str) -> str:
    """Say that a group has no settings before one of its files is chosen."""
    return f"{group} has no settings before one of its files is chosen: {group}={listing(choices(group), ' or ')}"


def typed(key: str) -> str:
    """Return `key=value` as it was typed, or the key alone."""
    return mask(next((word.lstrip("+~") for word in sys.argv[1:] if word.lstrip("+~").partition("=")[0] == key), key))
