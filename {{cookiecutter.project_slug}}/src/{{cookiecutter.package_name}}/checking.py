"""Says in a sentence what is wrong with the values of a configuration. Never imports torch."""

import re
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError
from pydantic import BaseModel, ValidationError

from .components import Component, OpenComponent, settings_class
from .configs import COLLECTIONS, COMPONENTS, choices, listing
from .explaining import unchosen
from .mistakes import UserMistake, first_line, in_words, nearest, shown, similar
from .settings import Settings, Tracking
from .strangers import leaves, place_problem, refuse_foreign_code

REQUIRED = ("model", "data", "optimizer")

# Takes the place of a component that is wrong, so that the other settings are checked as well.
STAND_IN = OpenComponent(_target_="")


def check(config: DictConfig) -> Settings:
    """Return the settings that `config` holds.

    Raises:
        UserMistake: names each key that is unknown, of the wrong type or out of range, its value and the remedy.
    """
    own = config  # copied only where it must be: a sweep checks each of its jobs, and a job itself
    if "hydra" in config:
        own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    refuse_foreign_code(own)
    try:
        values: Any = OmegaConf.to_container(own, resolve=True)
    except InterpolationResolutionError as error:
        raise UserMistake(f"{error.full_key} cannot be resolved: {first_line(error)}") from None
    given_values = list(leaves(values))
    missing = sorted(key for key, value in given_values if value == MISSING)
    if missing:
        raise UserMistake("\n".join(f"{key} has no value, and no default: give one with {key}=..." for key in missing))
    places = [(key, value, place_problem(key, value)) for key, value in given_values]
    problems = [f"{key}={shown(value)} is not allowed: {why}" for key, value, why in places if why]
    checked = dict(values)
    for group in COMPONENTS:
        given = values.get(group)
        if isinstance(given, dict) and given.get("_target_"):
            checked[group] = check_component(group, given, problems)
        elif isinstance(given, dict) and group in REQUIRED:
            example = f"_target_: {__package__}.models.mlp.MLP"
            problems.append(f"{group} has no _target_: its file says what is built, such as {example}")
            checked[group] = STAND_IN
        elif group in REQUIRED:
            problems.append(f"{group} is not chosen: name one of its files, {group}={listing(choices(group), ' or ')}")
            checked[group] = STAND_IN
        else:  # such as scheduler=none
            checked[group] = None
            others = [name for name in given or () if name != "_target_"]
            problems += [f"{group}.{name}={shown(given[name])} is not a setting. {unchosen(group)}" for name in others]
    for group in COLLECTIONS:
        given = values.get(group) or {}
        checked[group] = given
        if isinstance(given, dict):
            checked[group] = {name: check_member(f"{group}.{name}", one, problems) for name, one in given.items()}
    if "tracking" in values:
        checked["tracking"] = check_tracking(values["tracking"], problems)
    if "experiment" in checked:
        del checked["experiment"]
        problems.append("The file of experiment= sets nothing: its first line must be # @package _global_")
    try:
        settings = Settings.model_validate(checked)
        problems += truths(values, settings.plain())
    except ValidationError as error:
        problems += describe(error, Settings, checked)
    if problems:
        raise UserMistake("\n".join(problems))
    return settings


def truths(given: Any, made: Any, key: str = "") -> list[str]:
    """Return a sentence for each true or false that stands where a number belongs: pydantic takes them for 1 and 0."""
    if isinstance(given, bool) and type(made) in (int, float):
        return [f"{key}={shown(given)} is not allowed: must be a number"]
    if isinstance(given, dict) and isinstance(made, dict):
        pairs = [(f"{key}.{name}".lstrip("."), given[name], made[name]) for name in given if name in made]
    elif isinstance(given, list) and isinstance(made, list):
        pairs = [(f"{key}.{index}", *pair) for index, pair in enumerate(zip(given, made, strict=False))]
    else:
        return []
    return [sentence for name, one, other in pairs for sentence in truths(one, other, name)]


def check_component(key: str, given: dict[str, Any], problems: list[str]) -> Component:
    """Return the settings of the component under `key`; add what is wrong with them, or its parts, to `problems`."""
    for name, value in given.items():
        check_parts(f"{key}.{name}", value, problems)
    try:
        return settings_class(given["_target_"]).model_validate(given)
    except UserMistake as mistake:
        problems.append(f"{key}.{mistake}")
    except ValidationError as error:
        problems += describe(error, settings_class(given["_target_"]), given, (key,))
    return STAND_IN


def check_parts(key: str, value: Any, problems: list[str]) -> None:
    """Check every component within the value of a setting."""
    if isinstance(value, dict) and "_target_" in value:
        check_component(key, value, problems)
    elif isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            check_parts(f"{key}.{name}", item, problems)


def check_member(key: str, given: Any, problems: list[str]) -> Component:
    """Return the settings of one component of a collection."""
    if isinstance(given, dict) and given.get("_target_"):
        return check_component(key, given, problems)
    problems.append(f"{key}={shown(given)} is not allowed: it needs a _target_ that says what is built")
    return STAND_IN


def check_tracking(given: Any, problems: list[str]) -> Tracking | Component:
    """Return the settings of the tracker: of one that is known by its `kind`, or of a Lightning logger."""
    if isinstance(given, dict) and given.get("_target_"):
        return check_component("tracking", given, problems)
    try:
        return Tracking.model_validate(given)
    except ValidationError as error:
        problems += describe(error, Tracking, given, ("tracking",))
    return Tracking()


def describe(error: ValidationError, settings: type[BaseModel], values: Any, prefix: tuple[str, ...] = ()) -> list[str]:
    """Return a sentence for each wrong key: the key, its value, what is allowed, the nearest valid name."""
    unknown: list[str] = []
    wrong: dict[str, list[str]] = {}
    for problem in error.errors():
        path, owner, value = locate(problem["loc"], settings, values)
        key = ".".join([*prefix, *map(str, path)])
        message = in_words(problem["msg"])
        if problem["type"] == "extra_forbidden":
            known = [name for name in owner.model_fields if name != "import_path"]
            section = key.rpartition(".")[0]
            has = f"{f'{section} has' if section else 'the settings are'}: {', '.join(known) or 'none'}"
            unknown.append(f"{key}={shown(value)} is not a setting. {similar(key, known)}".rstrip() + f"\n{has}")
        elif not path or isinstance(value, dict):  # a rule between several settings
            unknown.append(f"{key}: {message}" if key else message)
        else:
            allowed = re.findall("'([^']*)'", problem.get("ctx", {}).get("expected", ""))
            wrong.setdefault(f"{key}={shown(value)}", []).append(
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
