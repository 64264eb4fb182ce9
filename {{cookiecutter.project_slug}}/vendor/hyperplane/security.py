"""Configurations come from others too: with a run folder, in a shared file, as a command to paste. None may run code.

A `_target_` names what is built. Of the components, `components.py` says where it may look. Hydra builds things of its
own (callbacks, launchers, loggers) before a command starts, so `composition/` looks at a configuration as soon as it
is composed, and runs nothing else. Of a run folder `.hydra/config.yaml` is read, without any section
`hydra`, and of `.hydra/hydra.yaml` the names of the chosen files. Extend the lists here.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import unquote

from omegaconf import DictConfig, OmegaConf

from .configs import COLLECTIONS, COMPONENTS
from .errors import UserError
from .paths import inside_project
from .secrets import is_secret, mask, secrets

# Sections that are built, or whose parts are, from what they name; of these, the ones that write files.
BUILT = (*COMPONENTS, *COLLECTIONS, "tracking")
WRITING = ("callbacks", "tracking")
WRITERS = ("lightning.pytorch.callbacks", "lightning.pytorch.loggers")  # whose settings name files
WORDS = ("tracking.notes", "tracking.tags")  # settings of these that name no place
# Sections of Hydra that name a plugin, and where plugins come from.
PLUGINS = dict.fromkeys(("hydra.launcher", "hydra.sweeper"), ("hydra_plugins.", "hydra._internal.core_plugins."))
LOGGING = ("hydra.job_logging.", "hydra.hydra_logging.")
LOGGING_CLASSES = ("logging.StreamHandler", "logging.NullHandler", f"{__package__}.logs.LoguruHandler")
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
# What ${name:...} may call. Those that make new sections (oc.decode, oc.create) could hide what is looked for here.
RESOLVERS = ("now", "new_run", "new_sweep", "hydra", "oc.env")
OF_HYDRA = "${hydra_override_dirname:}"  # in every configuration of Hydra 1.4; with arguments it would call others
# An interpolation that could stand for a whole section outside of `hydra`, such as one with a `_target_`.
SECTION_ELSEWHERE = r"\s*\$\{(?!hydra\.)[^:]*\}\s*"

NO_SECRETS = "settings are written down, so they must hold no secret; libraries read theirs from .env"


def refuse_foreign_code(config: DictConfig) -> None:
    """Look through a configuration, without resolving or calling anything.

    Raises:
        UserError: names each key that could run code, read a secret, or change the environment, and its value.
    """
    refuse_foreign_values(leaves(OmegaConf.to_container(config, resolve=False)))


def refuse_foreign_values(values: Iterable[tuple[str, Any]]) -> None:
    """Look through values, each with its full key, as `refuse_foreign_code` does with those of a configuration."""
    hidden = secrets()  # looked up once: the environment is slow to read, and every job of a sweep is looked through
    found = [(key, value, problem(key, value, hidden)) for key, value in values]
    problems = [f"{key}={value} is not allowed: {why}" for key, value, why in found if why]
    if problems:
        raise UserError(mask("\n".join(problems[:5])))


def leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the full key of every value that is not a section, and the value."""
    if isinstance(values, dict | list):
        entries = values.items() if isinstance(values, dict) else enumerate(values)
        for key, value in entries:
            yield from leaves(value, f"{path}.{key}")
    else:
        yield path[1:], values


def problem(key: str, value: Any, hidden: dict[str, str]) -> str:
    """Return why a value cannot be where it is, or an empty string."""
    section, _, name = key.rpartition(".")
    text = str(value)
    is_built = section.partition(".")[0] in BUILT  # or a part of one; checked by its name
    if name == "_target_" and not is_built and not text.startswith(PLUGINS.get(section, ("\0",))):
        return f"only {', '.join(BUILT)} name what they are built from, and {', '.join(PLUGINS)} a plugin of Hydra"
    if key.startswith("hydra.job.env_set."):
        return "put environment variables into .env, or in front of the command"
    if f"{key}.".startswith("hydra.") and re.fullmatch(SECTION_ELSEWHERE, text):
        return "Hydra's own settings can refer to each other only"
    if f"{key}.".startswith(LOGGING) and (why := logging_problem(name, text)):
        return why
    return interpolation_problem(text, hidden)


def logging_problem(name: str, value: str) -> str:
    """Return why `logging` must not be set up with a value, or an empty string: it calls what is named there."""
    if name == "()" or (name == "class" and value not in LOGGING_CLASSES):
        return f"a handler can be {', '.join(LOGGING_CLASSES)} (LOGGING_CLASSES in security.py)"
    if "${" in value or ("://" in value and value not in STREAMS):
        return f"logging takes plain values and {', '.join(STREAMS)}"
    return ""


def interpolation_problem(value: str, hidden: dict[str, str]) -> str:
    """Return why the ${...} in a value must not be resolved, or an empty string."""
    for name, end in re.findall(r"\$\{([^:{}]*)([:{]?)", value.replace(OF_HYDRA, "")):
        if end and (end == "{" or name.strip() not in RESOLVERS):
            return f"${{name:...}} can be {', '.join(RESOLVERS)} (RESOLVERS in security.py)"
    for variable in re.findall(r"oc\.env\s*:\s*([^,}]*)", value):
        if not re.fullmatch(r"\w+\s*", variable) or is_secret(variable.strip()):
            return NO_SECRETS
    return NO_SECRETS if mask(value, hidden) != value else ""


def place_problem(key: str, value: Any) -> str:
    """Return why a setting of a callback or a logger must not name the place that it names, or an empty string.

    The value is what it is after all ${...} in it were resolved.
    """
    if not isinstance(value, str):
        return ""
    if not key.startswith(tuple(f"{section}." for section in WRITING)):
        is_writer = key.endswith("._target_") and f"{value}.".startswith(tuple(f"{writers}." for writers in WRITERS))
        return f"callbacks and loggers, which write files, can stand under {' and '.join(WRITING)} only" * is_writer
    is_word = f"{key}.".startswith(tuple(f"{words}." for words in WORDS))
    is_server = key.endswith(".tracking_uri") and re.match("https?://", value)
    return "" if is_word or is_server else path_problem(value)


def path_problem(value: str) -> str:
    """Return why a path leads out of the project's folder, or an empty string."""
    path = unquote(re.sub(r"^(file:|sqlite(\+\w+)?:///)+", "", value, flags=re.IGNORECASE))
    if re.search(r"\w:/|::", path):
        return "only tracking_uri can be an address, http://... or https://..."
    try:
        inside_project(path)
    except ValueError as error:
        return str(error)
    return "a path must not depend on the environment" if "$" in path else ""
