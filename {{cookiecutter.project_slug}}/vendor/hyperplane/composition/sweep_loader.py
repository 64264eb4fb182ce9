"""The configurations of many jobs: Hydra reads every file anew for each, a tenth of a second; a thousand take minutes.

Jobs that choose the same files differ in values alone. So Hydra composes once for each choice of files, and the values
of a job are set in a copy, as Hydra sets them. Whatever else a job asks for is left to Hydra.
"""

import re
from copy import deepcopy
from functools import lru_cache, reduce
from typing import Any, cast

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..security import leaves, refuse_foreign_values
from .loader import CheckedLoader

CALL = r"\$\{\w+:[^${}]*\}"  # a value that a function returns, such as the time, and no other setting


class SweepLoader(CheckedLoader):
    """Composes configurations as Hydra does, those of a sweep's jobs faster."""

    def __init__(self, loader: ConfigLoader) -> None:
        super().__init__(loader)
        self.composed: dict[tuple[str, ...], DictConfig] = {}  # by the overrides that choose files
        self.values: dict[tuple[str, ...], dict[str, Any] | None] = {}  # the same as plain values, resolved
        self.drafts: dict[tuple[str, ...], dict[str, Any]] = {}  # not resolved, and with Hydra's part
        self.groups: dict[str, bool] = {}  # whether a key names a group of files

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was composed: a job is sent to another process together with this loader."""
        return self.__dict__ | {"composed": {}, "values": {}, "drafts": {}, "groups": {}}

    def is_group(self, key: str) -> bool:
        """Whether a key of an override names a group of files."""
        if key not in self.groups:
            self.groups[key] = bool(self.get_group_options(key, results_filter=None))
        return self.groups[key]

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        overrides, key, values = self.parse(sweep_overrides)
        if not all(map(is_plain, overrides)):
            return super().load_sweep_config(master_config, sweep_overrides)
        config = deepcopy(self.compose(master_config, key))
        try:
            for override in values:
                OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        except OmegaConfBaseException:  # which Hydra explains
            return super().load_sweep_config(master_config, sweep_overrides)
        refuse_set(values)  # what was composed was looked through
        record(overrides, config.hydra, master_config)
        OmegaConf.copy_cache(from_config=master_config, to_config=config)
        return config

    def parse(self, sweep_overrides: list[str]) -> tuple[list[Override], tuple[str, ...], list[Override]]:
        """Return the overrides of a job, those that choose files as they were typed, and those that set values."""
        overrides = [parsed(override) for override in sweep_overrides]
        chosen = [override for override in overrides if self.is_group(override.key_or_group)]
        values = [override for override in overrides if override not in chosen]
        return overrides, tuple(str(override.input_line) for override in chosen), values

    def compose(self, master_config: DictConfig, chosen: tuple[str, ...]) -> DictConfig:
        """Return what Hydra composes of files; once for each choice of them."""
        if chosen not in self.composed:
            self.composed[chosen] = super().load_sweep_config(master_config, list(chosen))
        return self.composed[chosen]

    def job_values(self, master_config: DictConfig, sweep_overrides: list[str]) -> dict[str, Any] | None:
        """Return the settings of a job as plain values, or None where only Hydra's whole composition gives them.

        That is all it takes to check a job: a thousand are checked before the first one starts.
        """
        overrides, chosen, values = self.parse(sweep_overrides)
        if not all(is_plain(override) and not override.is_hydra_override() for override in overrides):
            return None
        if chosen not in self.values:
            self.values[chosen] = plain_values(self.compose(master_config, chosen))
        known = self.values[chosen]
        if known is None or not all(is_known(override, known) for override in values):
            return None
        return with_set(known, values)

    def whole_values(self, master_config: DictConfig, sweep_overrides: list[str]) -> dict[str, Any]:
        """Return the configuration of a job, with Hydra's part, as plain values in which `${...}` stand as written."""
        overrides, chosen, values = self.parse(sweep_overrides)
        if all(map(is_plain, overrides)):
            if chosen not in self.drafts:
                self.drafts[chosen] = as_written(self.compose(master_config, chosen))
            draft = self.drafts[chosen]
            if all(is_known(override, draft) for override in values):
                made = with_set(draft, values)
                record(overrides, made["hydra"], master_config)
                return made
        return as_written(self.load_sweep_config(master_config, sweep_overrides))


def as_written(config: DictConfig) -> dict[str, Any]:
    """Return a configuration as plain values, not resolved."""
    return cast(dict[str, Any], OmegaConf.to_container(config))


def with_set(known: dict[str, Any], values: list[Override]) -> dict[str, Any]:
    """Return a copy of plain values in which those that overrides set are set."""
    made = deepcopy(known)
    for override in values:
        *sections, name = override.key_or_group.split(".")
        reduce(dict.__getitem__, sections, made)[name] = override.value()
    refuse_set(values)
    return made


def refuse_set(values: list[Override]) -> None:
    """Look through the values that overrides set, as `refuse_foreign_code` does with those of a configuration."""
    refuse_foreign_values(leaf for one in values for leaf in leaves(one.value(), f".{one.key_or_group}"))


@lru_cache(maxsize=10_000)
def parsed(override: str) -> Override:
    """Return an override as Hydra's parser reads it, which takes a millisecond."""
    return OverridesParser.create().parse_overrides([override])[0]


def plain_values(config: DictConfig) -> dict[str, Any] | None:
    """Return the project's part of a configuration, resolved; None where one value refers to another."""
    own = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
    texts = [value for _, value in leaves(OmegaConf.to_container(own)) if "${" in str(value)]
    if not all(re.fullmatch(CALL, text) for text in texts):
        return None
    return cast(dict[str, Any], OmegaConf.to_container(own, resolve=True))


def is_known(override: Override, values: dict[str, Any]) -> bool:
    """Say whether an override sets a plain value where there is one, so that it goes there as it is."""
    there: Any = values
    for name in override.key_or_group.split("."):
        if not isinstance(there, dict) or name not in there:
            return False
        there = there[name]
    return not isinstance(there, dict) and "${" not in str(override.value())


def is_plain(override: Override) -> bool:
    """Whether an override sets one value or chooses one file, and Hydra composes nothing by it but where it is set."""
    key = override.key_or_group
    simple = (
        override.type is OverrideType.CHANGE
        and not override.is_sweep_override()
        and not isinstance(override.value(), dict)
    )
    return simple and override.package is None and (not key.startswith("hydra") or key.startswith("hydra.sweep."))


def record(overrides: list[Override], hydra: Any, master_config: DictConfig) -> None:
    """Write into Hydra's part of a job's configuration what Hydra writes there: which overrides it has."""
    application = [override for override in overrides if not override.is_hydra_override()]
    of_hydra = [override.input_line for override in overrides if override.is_hydra_override()]
    hydra["overrides"]["task"] = [override.input_line for override in application]
    hydra["overrides"]["hydra"] = [*master_config.hydra.overrides.hydra, *of_hydra]
    job = hydra["job"]
    if (
        OmegaConf.is_interpolation(job, "override_dirname")
        if OmegaConf.is_config(job)
        else "${" in job["override_dirname"]
    ):
        return  # as which Hydra 1.4 has it
    names = job["config"]["override_dirname"]
    kept = sorted(str(one.input_line) for one in application if one.key_or_group not in names["exclude_keys"])
    job["override_dirname"] = names["item_sep"].join(kept).replace("=", names["kv_sep"])
