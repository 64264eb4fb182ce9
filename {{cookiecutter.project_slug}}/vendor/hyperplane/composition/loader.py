"""Hydra's loader of configurations, behind a check: nothing is built of what was not looked through."""

import re
from pathlib import Path
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigSource
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from ..configs import COMPONENTS
from ..errors import UserError
from ..run_folder.occupied import refuse_taken
from ..security import refuse_foreign_code

CHOOSES = re.compile(r"override\s+/(hydra/(?:launcher|sweeper))\s*:\s*[\"']?([\w/-]+)")


class CheckedLoader(ConfigLoader):
    """Hydra's loader of configurations, for this project's commands and for every job of a multirun.

    It asks the loader that it is made of, and passes on only what it has looked through. It is no subclass of Hydra's
    own loader: Hydra 1.4 composes with private methods of that one, past the public methods that a subclass replaces.
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
            UserError: it could run code that is not this project's, has several components in the place of one, or
                writes its run among other files.
        """
        refuse_packages(config_name, overrides, self.loader.get_sources())
        config = self.loader.load_configuration(
            config_name, overrides, run_mode, from_shell=from_shell, validate_sweep_overrides=validate_sweep_overrides
        )
        refuse_experiment_section(config)
        refuse_unheard(config, self.loader.get_sources())
        refuse_foreign_code(config)
        refuse_taken(config)
        refuse_several(config)
        return config

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        config = self.loader.load_sweep_config(master_config, sweep_overrides)
        refuse_unheard(config, self.loader.get_sources())
        refuse_late(config, master_config)
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


def refuse_experiment_section(config: DictConfig) -> None:
    """Refuse an experiment whose file fills a section of its own, and so none of the settings."""
    if "experiment" in config:
        name = config.hydra.runtime.choices.get("experiment")
        raise UserError(f"experiment={name}: the file sets nothing, as it lacks its first line: # @package _global_")


def refuse_unheard(config: DictConfig, sources: list[ConfigSource]) -> None:
    """Refuse an experiment that chooses a launcher or sweeper in vain: the file to start from has the last word."""
    name = config.hydra.runtime.choices.get("experiment")
    for path in [Path(one.path) / "experiment" / f"{name}.yaml" for one in sources if one.scheme() == "file"]:
        chosen = CHOOSES.findall(path.read_text(encoding="utf-8")) if path.is_file() else []
        for group, choice in chosen:
            used = config.hydra.runtime.choices.get(group)
            if choice != used and not any(word.startswith(f"{group}=") for word in config.hydra.overrides.hydra):
                raise UserError(
                    f"experiment={name} chooses {group}={choice}, but {group}={used} in the main file takes "
                    f"precedence: give it on the command line, {group}={choice}"
                )


def refuse_late(job: DictConfig, multirun: DictConfig) -> None:
    """Refuse a job one of whose files sets how the multirun itself goes: that is decided before it is read."""
    for part in ("launcher", "sweeper"):
        own, whole = (OmegaConf.to_container(config.hydra[part]) for config in (job, multirun))
        assert isinstance(own, dict) and isinstance(whole, dict)
        for key in map(str, own | whole):
            if own.get(key) != whole.get(key):
                raise UserError(
                    f"one of its files sets hydra.{part}.{key}, but a multirun reads the files that it varies only "
                    "after its jobs are known, so it would be ignored. Do not vary that file, or give the value on "
                    "the command line, such as seed=range(1,4) or hydra/launcher=local"
                )


def refuse_packages(config_name: str | None, overrides: list[str], sources: list[ConfigSource]) -> None:
    """Refuse packages among the places for configurations: Hydra imports them while it composes.

    It takes `hydra.searchpath` from the command line and from the file that it starts with.
    """
    named = [word for word in overrides if word.lstrip("+~").startswith("hydra.searchpath")]
    files = [
        Path(source.path) / f"{str(config_name).removesuffix('.yaml')}.yaml"
        for source in sources
        if source.scheme() == "file"
    ]
    texts = named + [path.read_text(encoding="utf-8") for path in files if path.is_file()]
    for text in texts:
        if "searchpath" in text and "pkg:" in text:
            raise UserError("hydra.searchpath is not allowed to name packages, pkg://...: they would be imported")


def refuse_several(config: DictConfig) -> None:
    """Refuse to choose several files of a group whose parts are single: Hydra would mix their settings."""
    for override in config.hydra.overrides.task:
        group, _, choice = override.partition("=")
        if group in COMPONENTS and choice.startswith("["):
            several = f"{group}={choice.strip('[]')}"
            raise UserError(f"{override} is not allowed: a run has one. For a run with each: train -m {several}")
