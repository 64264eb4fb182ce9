"""Configurations come from others too: with a run folder, in a shared file, as a command to paste. None may run code.

A `_target_` names what is built. Of the components, `components.py` says where it may look. Hydra builds things of its
own (callbacks, launchers, loggers) before a command starts, so `CheckedLoader` looks at a configuration as soon as it
is composed, and `hydra_main.py` runs nothing else. Of a run folder `.hydra/config.yaml` is read, without any section
`hydra`, and of `.hydra/hydra.yaml` the names of the chosen files. Extend the lists here.
"""

import re
import shlex
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from .configs import COLLECTIONS, COMPONENTS
from .mistakes import UserMistake
from .secrecy import is_secret, mask, secrets

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


class CheckedLoader(ConfigLoader):
    """Hydra's loader of configurations, for this project's commands and for every job of a multirun.

    It asks the loader that it is made of, and passes on only what it has looked through. It is no subclass of Hydra's
    own loader: Hydra 1.4 composes with private methods of that one, past the public methods that a subclass replaces.

    Args:
        loader: composes.
    """

    def __init__(self, loader: ConfigLoader) -> None:
        self.loader = loader

    def load_configuration(
        self,
        config_name: str | None,
        overrides: list[str],
        run_mode: RunMode,
        from_shell: bool = True,
        validate_sweep_overrides: bool = True,
    ) -> DictConfig:
        """Compose a configuration.

        Raises:
            UserMistake: it could run code that is not this project's, has several components in the place of one, or
                writes its run among other files.
        """
        config = self.loader.load_configuration(
            config_name, overrides, run_mode, from_shell=from_shell, validate_sweep_overrides=validate_sweep_overrides
        )
        refuse_foreign_code(config)
        if config.hydra.output_subdir is not None and config.hydra.mode == RunMode.RUN:  # not a job of a multirun
            refuse_taken(config)
        refuse_several(config)
        return config

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Compose the configuration of a job of a multirun.

        Raises:
            UserMistake: as above.
        """
        config = self.loader.load_sweep_config(master_config, sweep_overrides)
        refuse_foreign_code(config)
        refuse_several(config)
        return config

    def get_search_path(self) -> ConfigSearchPath:
        return self.loader.get_search_path()

    def get_sources(self) -> list[ConfigSource]:
        return self.loader.get_sources()

    def list_groups(self, parent_name: str) -> list[str]:
        return self.loader.list_groups(parent_name)

    def get_group_options(
        self,
        group_name: str,
        results_filter: ObjectType | None = ObjectType.CONFIG,
        config_name: str | None = None,
        overrides: list[str] | None = None,
    ) -> list[str]:
        return self.loader.get_group_options(group_name, results_filter, config_name, overrides)

    def compute_defaults_list(self, config_name: str | None, overrides: list[str], run_mode: RunMode) -> Any:
        return self.loader.compute_defaults_list(config_name, overrides, run_mode)


def refuse_several(config: DictConfig) -> None:
    """Look for overrides that choose several files of a group whose parts are single: Hydra would mix their settings.

    Raises:
        UserMistake: names the first one.
    """
    for override in config.hydra.overrides.task:
        group, _, choice = override.partition("=")
        if group in COMPONENTS and choice.startswith("["):
            several = f"{group}={choice.strip('[]')}"
            raise UserMistake(f"{override} is not allowed: a run has one. For a run with each: train -m {several}")


def refuse_foreign_code(config: DictConfig) -> None:
    """Look through a configuration, without resolving or calling anything.

    Raises:
        UserMistake: names each key that could run code, read a secret, or change the environment, and its value.
    """
    values: Any = OmegaConf.to_container(config, resolve=False)
    hidden = secrets()  # looked up once: the environment is slow to read, and every job of a sweep is looked through
    found = [(key, value, problem(key, value, hidden)) for key, value in leaves(values)]
    problems = [f"{key}={value} is not allowed: {why}" for key, value, why in found if why]
    if problems:
        raise UserMistake(mask("\n".join(problems[:5])))


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
        return f"a handler can be {', '.join(LOGGING_CLASSES)} (LOGGING_CLASSES in strangers.py)"
    if "${" in value or ("://" in value and value not in STREAMS):
        return f"logging takes plain values and {', '.join(STREAMS)}"
    return ""


def interpolation_problem(value: str, hidden: dict[str, str]) -> str:
    """Return why the ${...} in a value must not be resolved, or an empty string."""
    for name, end in re.findall(r"\$\{([^:{}]*)([:{]?)", value.replace(OF_HYDRA, "")):
        if end and (end == "{" or name.strip() not in RESOLVERS):
            return f"${{name:...}} can be {', '.join(RESOLVERS)} (RESOLVERS in strangers.py)"
    for variable in re.findall(r"oc\.env\s*:\s*([^,}]*)", value):
        if not re.fullmatch(r"\w+\s*", variable) or is_secret(variable.strip()):
            return NO_SECRETS
    return NO_SECRETS if mask(value, hidden) != value else ""


def place_problem(key: str, value: Any) -> str:
    """Return why a setting of a callback or a logger must not name the place that it names, or an empty string.

    Args:
        key: The full name of the setting.
        value: What it is after all ${...} in it were resolved.
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


def inside_project(path: str) -> str:
    """Return a setting that names a folder, if it stays in the folder that a command is started in.

    Raises:
        ValueError: it leads elsewhere.
    """
    if Path(path).is_absolute() or path.startswith("~") or ".." in Path(path).parts:
        raise ValueError("must stay in this project's folder; to keep it elsewhere, make a link to that place")
    return path


def refuse_taken(config: DictConfig) -> None:
    """Look whether a run would write its files among others, before Hydra writes the first.

    Raises:
        UserMistake: the folder that is named for it is the command's own, holds files that are no run's, or holds a run
            that is completed or still running.
    """
    folder = named_folder(config)
    if folder is None or not Path(folder).is_dir():
        return
    path = Path(folder)
    if (path / ".hydra").is_dir():
        refuse_kept(path, folder)
    elif path.resolve() == Path.cwd() or any(entry.is_file() for entry in path.iterdir()):
        raise UserMistake(f"hydra.run.dir={folder} is {path.resolve()}, which holds other files: name a new folder")


def named_folder(config: DictConfig) -> str | None:
    """Return the folder that is named for a run, or None if it gets a new one, or one that cannot be told."""
    values: Any = OmegaConf.to_container(config.hydra.run, resolve=False)
    folder = str(values["dir"])
    if "${" not in folder:
        return folder
    if "${new_run:" in folder:
        return None
    resolved, before = deepcopy(config), HydraConfig.instance().cfg
    HydraConfig.instance().set_config(resolved)  # for ${hydra:...}
    try:
        return str(resolved.hydra.run.dir)
    except OmegaConfBaseException:  # of which Hydra says what is wrong
        return None
    finally:
        HydraConfig.instance().cfg = before


def refuse_kept(path: Path, folder: str) -> None:
    """Look whether the run in a folder must not be overwritten. One that failed or was stopped is replaced.

    Raises:
        UserMistake: it is completed, or another process trains it.
    """
    from .running.integrity import read_summary  # these two are seldom needed, and locks import much
    from .running.locks import is_locked

    # A summary that cannot be believed may be that of a completed run.
    if (path / "summary.json").exists() and read_summary(path).get("status") not in ("failed", "interrupted"):
        raise UserMistake(
            f"hydra.run.dir={folder} holds a run that is completed. Name a new folder, or train that run longer: "
            f"train resume={shlex.quote(folder)} trainer.max_epochs=..."
        )
    if is_locked(path):
        raise UserMistake(f"hydra.run.dir={folder} is being trained by another process. Name a new folder")


def refuse_links(folder: Path) -> None:
    """Look for links in a run folder that lead out of it: what is written there would land elsewhere.

    Raises:
        UserMistake: names the first one.
    """
    home = folder.resolve()
    for path in sorted(folder.rglob("*")):
        if path.name == "debug-core.log":  # W&B links from every run to a log in its cache, and goes on in a new file
            continue
        if path.is_symlink() and not path.resolve().is_relative_to(home):
            raise UserMistake(f"{path} is a link that leads out of its run folder: {path.readlink()}")
