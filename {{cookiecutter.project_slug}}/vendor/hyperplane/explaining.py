"""Says in a few lines what Hydra could not compose: a name that is not known, or an override that cannot be read."""

import re
import shlex
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

from hydra.errors import MissingConfigException, OverrideParseException
from omegaconf import Container, DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, InterpolationResolutionError
from yaml import MarkedYAMLError

from .components import settings_class
from .configs import COLLECTIONS, COMPONENTS, choices, folders, listing
from .errors import UserError, in_words, quoted, similar, with_nearest
from .secrets import mask


def explain(error: Exception) -> str:
    """Say in a few lines what Hydra could not compose, with the nearest valid name."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        known = error.options if error.options is not None else choices(group)
        says = with_nearest(f"{group}={choice} is not known.", choice, known)
        return f"{says}\n{group} can be: {listing(known)}" if group else says
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        where = f"{error.problem_mark.name}, line {error.problem_mark.line + 1}"
        hint = (
            "Indent with blanks, not with tabs" if "\\t" in str(error.problem) else "See that brackets and quotes close"
        )
        return f"{where}: this is not valid YAML: {error.problem}. {hint}"
    if isinstance(error, UnicodeDecodeError):
        return not_utf8() or f"A file is not UTF-8: {error}"
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ConfigKeyError | ConfigAttributeError):
        cause = cause.__cause__
    if (
        isinstance(cause, ConfigKeyError | ConfigAttributeError)
        and isinstance(cause.full_key, str)
        and cause.parent_node is not None
    ):
        return explain_key(cause.full_key, cause.parent_node)
    return explain_message(error, [*str(error).strip().splitlines(), ""])


def not_utf8() -> str:
    """Name the configuration that is not UTF-8, and the line; nothing if all are."""
    own = [Path(following) for word, following in pairwise(sys.argv) if word in ("--config-dir", "-cd")]
    own += [Path(word.partition("=")[2]) for word in sys.argv if word.startswith(("--config-dir=", "-cd="))]
    for path in (path for folder in (*folders(), *own) for path in sorted(folder.rglob("*.yaml"))):
        try:
            path.read_text(encoding="utf-8")
        except UnicodeDecodeError as found:
            line = found.object.count(b"\n", 0, found.start) + 1
            return f"{path}:{line}: a character that is not UTF-8: save the file in that encoding"
    return ""


def explain_message(error: Exception, message: list[str]) -> str:
    """Say in our words what Hydra says in the lines of `message`."""
    if missing := re.search("Could not override '([^']*)'", message[0]):
        key = missing[1]
        says = with_nearest(f"{typed(key)} is not a setting.", key, choices())
        return f"{says}\nthe groups are: {listing(choices())}"
    if isinstance(error, OverrideParseException):
        return explain_syntax(str(error.override))
    if merging := re.match("Error merging override (.*)", message[0]):
        why = str(error.__cause__).splitlines()[0]
        if why.startswith("Cannot merge"):  # a section and a list, in words that differ from release to release
            is_section = merging[1].partition("=")[2].startswith("{")
            why = "must be a list, such as [1,2]" if is_section else "must be a group of settings, such as {name: 1}"
        return f"{mask(merging[1])} is not allowed: {in_words(why)}"
    if several := re.match("(?:Ambiguous value for argument|Sweep parameters) '(.*)'", message[0]):
        return explain_several(several[1])
    if isinstance(error, InterpolationResolutionError) and (words := [word for word in sys.argv if "${" in word]):
        return mask(f"{', '.join(words)} cannot be resolved: {message[0]}")
    return "\n".join(message[:-1] + ([str(error.__cause__)] if error.__cause__ else []))


def explain_syntax(override: str) -> str:
    """Say what is wrong with an override that Hydra cannot read."""
    known = {0: "= is missing", 1: "it has a character that can only stand in quotes"}
    why = unclosed(override) or known.get(override.count("="), "it has more than one =")
    form = "An override is name=value, such as seed=1; quotes keep spaces together: 'name=[1, 2]'"
    key, equals, value = override.partition("=")
    text = value.strip("'\"") if value.startswith(("'", '"')) else value
    if equals and re.fullmatch(r"[+~]*[\w./@-]+", key, re.ASCII) and text:
        form += f"\nIf the value is a text: {shlex.quote(f'{key}={quoted(text)}')}"
    return mask(f"{override} cannot be read: {why}\n{form}")


def explain_several(override: str) -> str:
    """Say how several values are typed, for as many runs or in a list."""
    key, _, values = override.partition("=")
    alternative = "" if key in choices() or "(" in values else f"\nFor a list: {shlex.quote(f'{key}=[{values}]')}"
    return mask(f"{override} is several values. For a run with each: -m {shlex.quote(override)}{alternative}")


def explain_key(full_key: str, parent: Container) -> str:
    """Say that the section `parent` has no such key: the nearest that it has, or where there is one of that name."""
    path, _, key = full_key.rpartition(".")
    arguments = arguments_of(parent)
    known = [str(name) for name in parent if name != "_target_"] or arguments
    says = f"{typed(full_key)} is not a setting."
    if key in arguments:
        return f"{typed(full_key)}: the file of {path} leaves that to its default. To set it: +{typed(full_key)}"
    if path in COLLECTIONS and key in choices(path):
        chosen = ",".join([*known, key])
        return f"{says} {key} is not chosen: '{path}=[{chosen}]'"
    if (path in COMPONENTS and not known) or full_key in COLLECTIONS:
        return f"{says} {unchosen(path or full_key)}"
    if path and not known:
        return f"{says} {path} is empty; to add something to it: +{typed(full_key)}"
    sections: Any = OmegaConf.to_container(parent._get_root(), resolve=False)  # some may have no value yet
    elsewhere = [f"{name}.{key}" for name, section in sections.items() if isinstance(section, dict) and key in section]
    suggestion = similar(full_key, known) or (elsewhere and f"Did you mean {elsewhere[0]}?") or ""
    where = f"{path} has" if path else "the settings are"
    return f"{says} {suggestion}".rstrip() + f"\n{where}: {listing(known)}"


def arguments_of(section: Container) -> list[str]:
    """Return the arguments of what a section names, for which it may have no line."""
    target = section.get("_target_") if isinstance(section, DictConfig) else None
    try:
        return settings_class(target).names() if isinstance(target, str) else []
    except UserError:  # a target that is not allowed, which is another mistake
        return []


def unclosed(text: str) -> str:
    """Say which bracket or quote is opened and not closed, if one is."""
    for start, end in ("[]", "{}", "()"):
        if text.count(start) != text.count(end):
            return f"it has {text.count(start)} {start} and {text.count(end)} {end}"
    return next((f"a {quote} is not closed" for quote in "\"'" if text.count(quote) % 2), "")


def unchosen(group: str) -> str:
    """Say that a group has no settings before one of its files is chosen."""
    return f"{group} has no settings before one of its files is chosen: {group}={listing(choices(group), ' or ')}"


def typed(key: str) -> str:
    """Return `key=value` as it was typed, or the key alone."""
    words = [word.lstrip("+~") for word in sys.argv[1:]]
    return mask(next((word for word in words if re.match(rf"{re.escape(key)}(\.[^=]*)?=", word)), key))
