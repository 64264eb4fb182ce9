"""Says in a sentence what is wrong with the values of a configuration. Never imports torch."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import InterpolationResolutionError
from pydantic import ValidationError

from ..component_settings import Component, described
from ..components import settings_class
from ..configs import COLLECTIONS, COMPONENTS, choices, files, listing, targets
from ..errors import UserError, as_typed, first_line
from ..explaining import unchosen
from ..paths import must_exist
from ..security import leaves, place_problem, refuse_foreign_values
from ..settings import Settings, Tracking
from ..signatures.classes import class_attribute, inherits
from .problems import problems_of as problems_of

REQUIRED = ("model", "task", "data", "optimizer", "loss")
# What a task asks for, of what these groups choose.
OFFERS = (("model", "network"), ("loss", "loss"), ("optimizer", "optimizer"), ("scheduler", "scheduler"))
# Lightning's callbacks that would change a setting behind the run's back, also where it goes on.
FINDERS = {"BatchSizeFinder": "data.batch_size: find=batch_size", "LearningRateFinder": "optimizer.lr: find=lr"}


def check(config: DictConfig) -> Settings:
    """Return the settings that `config` holds.

    Raises:
        UserError: names each key that is unknown, of the wrong type or out of range, its value and the remedy.
    """
    own = config  # copied only where it must be: a sweep checks each of its jobs, and a job itself
    if "hydra" in config:
        own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    values: Any = OmegaConf.to_container(own)
    refuse_foreign_values(leaves(values))
    try:
        if "${" in repr(values):  # in those of a job there is nothing to resolve, which takes longer than all else here
            values = OmegaConf.to_container(own, resolve=True)
    except InterpolationResolutionError as error:
        raise UserError(f"{error.full_key} cannot be resolved: {first_line(error)}") from None
    return check_values(values)


def check_values(values: dict[str, Any]) -> Settings:
    """Return the settings that plain values hold, all of them resolved."""
    given_values = list(leaves(values))
    missing = sorted(key for key, value in given_values if value == MISSING)
    if missing:
        raise UserError("\n".join(f"{key} has no value, and no default: give one with {key}=..." for key in missing))
    places = [(key, value, place_problem(key, value)) for key, value in given_values]
    problems = [f"{key}={as_typed(value)} is not allowed: {why}" for key, value, why in places if why]
    checked = dict(values)
    for group in COMPONENTS:
        checked[group] = check_group(group, values.get(group), problems)
    for group in COLLECTIONS:
        given = values.get(group) or {}
        checked[group] = given
        if isinstance(given, dict):
            checked[group] = {name: check_member(f"{group}.{name}", one, problems) for name, one in given.items()}
    checked["tracking"] = check_tracking(values.get("tracking", {}), problems)
    try:
        settings = Settings.model_validate(checked)
        problems += truths(values, settings.plain())
    except ValidationError as error:
        problems += problems_of(error, Settings, checked)
    if problems:
        raise UserError("\n".join(problems))
    return settings


def check_group(group: str, given: Any, problems: list[str]) -> Component | None:
    """Return the settings of what a group of configurations builds; add what is wrong with them to `problems`."""
    if isinstance(given, dict) and given.get("_target_"):
        return check_component(group, given, problems)
    if isinstance(given, dict) and group in REQUIRED:
        example = next((f", such as _target_: {target}" for _, target in targets(group)), "")
        problems.append(f"{group} has no _target_: its file says what is built{example}")
        return stand_in(group)
    if group in REQUIRED:
        problems.append(f"{group} is not chosen: name one of its files, {group}={listing(choices(group), ' or ')}")
        return stand_in(group)
    others = [name for name in given or () if name != "_target_"]  # such as those of scheduler=none
    problems += [f"{group}.{name}={as_typed(given[name])} is not a setting. {unchosen(group)}" for name in others]
    return None


def refuse_without_effect(settings: Settings, overrides: Iterable[str]) -> None:
    """Refuse overrides of what the task does not ask for: a sweep over them would train one job many times."""
    task = settings.task
    if task is None or task.model_config["extra"] == "allow":  # one that may ask for anything
        return
    groups = [group for group, offer in OFFERS if offer not in task.about.offered]
    vain = [override for override in overrides if re.split("[.=@]", override.lstrip("+~"))[0] in groups]
    if vain:
        raise UserError(
            f"{', '.join(vain)} has no effect: {settings.chosen('task')} has its own, since its signature does not "
            f"ask for {' or '.join(offer for group, offer in OFFERS if group in groups)}.\n"
            f"task has: {', '.join(task.names()) or 'none'}"
        )


def with_experiment(message: str, experiment: Any) -> str:
    """Return what is said of settings, and which of them the file of experiment= holds: nobody has typed those."""
    for path in [path for path in files("experiment") if path.stem == experiment]:
        held = leaves(OmegaConf.to_container(OmegaConf.load(path)))
        starts = tuple(f"{key}={as_typed(value)} " for key, value in held)
        named = [line.partition(" ")[0] for line in message.splitlines() if line.startswith(starts)]
        return f"{message}\nin experiment/{path.name}: {', '.join(named)}" if named else message
    return message


def refuse_missing_files(settings: Settings) -> None:
    """Refuse data whose files are not there, before torch is imported."""
    given = settings.data.arguments()
    for name in class_attribute(settings.data.import_path, "file_settings", ()):
        paths = given.get(name) or ()
        for path in [paths] if isinstance(paths, str) else paths:
            must_exist(Path(path), f"data.{name}")


def truths(given: Any, made: Any, key: str = "") -> list[str]:
    """Return a sentence for each true or false that stands where a number belongs: pydantic takes them for 1 and 0."""
    if isinstance(given, bool) and type(made) in (int, float):
        return [f"{key}={as_typed(given)} is not allowed: must be a number"]
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
        return settings_class(given["_target_"], key).model_validate(given)
    except UserError as error:
        problems.append(f"{key}.{error}")
    except ValidationError as error:
        problems += problems_of(error, settings_class(given["_target_"], key), given, (key,))
    return stand_in(key)


def stand_in(group: str) -> Component:
    """Return what takes the place of a component that is wrong, so that the other settings are checked as well."""
    return described("", group)(_target_="")


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
        target, lightning = str(given["_target_"]), "lightning.pytorch.callbacks"
        for finder, words in FINDERS.items():
            if inherits(target, f"{lightning}.{finder}"):
                problems.append(f"{key}: a run keeps its {words} finds a good one before it")
        if given.get("make_pruning_permanent") is False and inherits(target, f"{lightning}.ModelPruning"):
            problems.append(f"{key}.make_pruning_permanent=false: a new model cannot load masks. Leave it out")
        return check_component(key, given, problems)
    problems.append(f"{key}={as_typed(given)} is not allowed: it needs a _target_ that says what is built")
    return stand_in(key)


def check_tracking(given: Any, problems: list[str]) -> Tracking | Component:
    """Return the settings of the tracker: of one that is known by its `kind`, or of a Lightning logger."""
    if isinstance(given, dict) and given.get("_target_"):
        return check_component("tracking", given, problems)
    try:
        return Tracking.model_validate(given)
    except ValidationError as error:
        problems += problems_of(error, Tracking, given, ("tracking",))
    return Tracking()
