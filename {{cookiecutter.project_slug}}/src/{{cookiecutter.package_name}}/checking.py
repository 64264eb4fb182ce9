"""Compares a configuration with the settings classes, and says in a sentence what is wrong. Never imports torch."""

import re
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel, ValidationError

from .components import OpenComponent, settings_class
from .mistakes import UserMistake, nearest
from .settings import Settings

COMPONENTS = ("model", "data", "optimizer", "scheduler")


def check(config: DictConfig) -> Settings:
    """Return the settings that `config` holds.

    Raises:
        UserMistake: names each key that is unknown, of the wrong type or out of range, its value and the remedy.
    """
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    values: Any = OmegaConf.to_container(own, resolve=True)
    problems: list[str] = []
    checked = dict(values)
    for group in COMPONENTS:
        given = values.get(group) or {}
        if not given.get("_target_"):  # such as scheduler=none
            checked[group] = None
            continue
        try:
            checked[group] = settings_class(given["_target_"]).model_validate(given)
        except UserMistake as mistake:
            problems.append(f"{group}.{mistake}")
        except ValidationError as error:
            problems += describe(error, settings_class(given["_target_"]), given, (group,))
        if isinstance(checked[group], dict):  # stands in, so that the other settings are checked as well
            checked[group] = OpenComponent(_target_="")
    try:
        settings = Settings.model_validate(checked)
    except ValidationError as error:
        problems += describe(error, Settings, checked)
    if problems:
        raise UserMistake("\n".join(problems))
    return settings


def describe(error: ValidationError, settings: type[BaseModel], values: Any, prefix: tuple[str, ...] = ()) -> list[str]:
    """Return a sentence for each wrong key: the key, its value, what is allowed, the nearest valid name."""
    unknown: list[str] = []
    wrong: dict[str, list[str]] = {}
    for problem in error.errors():
        path, owner, value = locate(problem["loc"], settings, values)
        key = ".".join([*prefix, *map(str, path)])
        message = problem["msg"].removeprefix("Value error, ").replace("Input should be ", "must be ")
        if problem["type"] == "extra_forbidden":
            known = [name for name in owner.model_fields if name != "target"]
            where = key.rpartition(".")[0] or "the configuration"
            unknown.append(f"{key} is not a setting. {nearest(str(path[-1]), known)}\n{where} has: {', '.join(known)}")
        elif not path:  # a rule between several settings
            unknown.append(f"{key}: {message}")
        else:
            choices = re.findall("'([^']*)'", problem.get("ctx", {}).get("expected", ""))
            wrong.setdefault(f"{key}={value}", []).append(f"{message} {nearest(str(value), choices)}".strip())
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
        if (isinstance(values, dict) and part in values) or (isinstance(values, list) and isinstance(part, int)):
            field = settings.model_fields.get(str(path[-1])) if path else None
            if field is not None and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                settings = field.annotation
            path.append(part)
            values = values[part]
    return path, settings, values
