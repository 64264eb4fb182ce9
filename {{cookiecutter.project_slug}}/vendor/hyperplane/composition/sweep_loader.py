"""The configurations of many jobs: Hydra reads every file anew for each, a tenth of a second; a thousand take minutes.

Jobs that choose the same files differ in values alone. So Hydra composes once for each choice of files, and the values
of a job are set in a copy, as Hydra sets them. Whatever else a job asks for is left to Hydra.
"""

from copy import deepcopy
from typing import Any

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from ..security import refuse_foreign_code
from .loader import CheckedLoader


class SweepLoader(CheckedLoader):
    """Composes configurations as Hydra does, those of a sweep's jobs faster."""

    def __init__(self, loader: ConfigLoader) -> None:
        super().__init__(loader)
        self.composed: dict[tuple[str, ...], DictConfig] = {}  # by the overrides that choose files
        self.groups: dict[str, bool] = {}  # whether a key names a group of files

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what was composed: a job is sent to another process together with this loader."""
        return self.__dict__ | {"composed": {}, "groups": {}}

    def is_group(self, key: str) -> bool:
        """Whether a key of an override names a group of files."""
        if key not in self.groups:
            self.groups[key] = bool(self.get_group_options(key, results_filter=None))
        return self.groups[key]

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        """Compose the configuration of a job.

        Args:
            master_config: of the multirun.
            sweep_overrides: of the job.

        Raises:
            UserError: it could run code that is not this project's.
            HydraException: an override is not possible.
        """
        overrides = OverridesParser.create().parse_overrides(sweep_overrides)
        chosen = [override for override in overrides if self.is_group(override.key_or_group)]
        values = [override for override in overrides if override not in chosen]
        if not all(map(is_plain, overrides)):
            return super().load_sweep_config(master_config, sweep_overrides)
        key = tuple(str(override.input_line) for override in chosen)
        if key not in self.composed:
            self.composed[key] = super().load_sweep_config(master_config, list(key))
        config = deepcopy(self.composed[key])
        try:
            for override in values:
                OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        except OmegaConfBaseException:  # which Hydra explains
            return super().load_sweep_config(master_config, sweep_overrides)
        record(overrides, config, master_config)
        refuse_foreign_code(config)
        return config


def is_plain(override: Override) -> bool:
    """Whether an override sets one value or chooses one file, and Hydra composes nothing by it but where it is set."""
    key = override.key_or_group
    simple = (
        override.type is OverrideType.CHANGE
        and not override.is_sweep_override()
        and not isinstance(override.value(), dict)
    )
    return simple and override.package is None and (not key.startswith("hydra") or key.startswith("hydra.sweep."))


def record(overrides: list[Override], config: DictConfig, master_config: DictConfig) -> None:
    """Write into a job's configuration what Hydra writes there: which overrides it has."""
    application = [override for override in overrides if not override.is_hydra_override()]
    of_hydra = [override.input_line for override in overrides if override.is_hydra_override()]
    config.hydra.overrides.task = [override.input_line for override in application]
    config.hydra.overrides.hydra = [*master_config.hydra.overrides.hydra, *of_hydra]
    if not OmegaConf.is_interpolation(config.hydra.job, "override_dirname"):  # as which Hydra 1.4 has it
        names = config.hydra.job.config.override_dirname
        kept = sorted(str(one.input_line) for one in application if one.key_or_group not in names.exclude_keys)
        config.hydra.job.override_dirname = names.item_sep.join(kept).replace("=", names.kv_sep)
    OmegaConf.copy_cache(from_config=master_config, to_config=config)
