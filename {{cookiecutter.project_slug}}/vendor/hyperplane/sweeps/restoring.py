"""Configurations of jobs from plain values. OmegaConf makes one in 7 ms, as long as 15 steps of a small model.

The jobs of a sweep differ in few values. So the configuration of the job before is kept in each process, and changed
where the next one differs.
"""

from copy import deepcopy
from functools import cached_property
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ReadonlyConfigError

from ..turns import current

MOST = 16  # configurations that are kept: two for each choice of files, with Hydra's part and without

_kept: dict[str, tuple[dict[str, Any], DictConfig]] = {}  # by their keys


def restored(values: dict[str, Any], known: dict[str, Any]) -> DictConfig:
    """Return a configuration, which holds until the next call. Hydra's part cannot be changed.

    One without that part is for a job to do with as it likes. Values that a job has changed are not taken for the next.

    In `values` each `${...}` stands as written; `known` is what functions such as `${now:...}` have returned already.
    """
    form = repr(keys(values))
    before, config = _kept.pop(form, ({}, None))  # if a change fails, it is neither the one nor the other
    is_own = "hydra" not in values
    if config is not None and is_own and repr(OmegaConf.to_container(config)) != repr(before):
        config = None
    if config is None:
        config = OmegaConf.create(values)
        while len(_kept) >= MOST:
            del _kept[next(iter(_kept))]
    else:
        OmegaConf.set_readonly(config if is_own else config.hydra, None)
        try:
            change(config, before, values)
        except ReadonlyConfigError:  # a job has set a flag
            config = OmegaConf.create(values)
    _kept[form] = values, config
    OmegaConf.set_struct(config, True)
    if not is_own:
        OmegaConf.set_readonly(config.hydra, True)
    OmegaConf.set_cache(config, known)
    return config


class OfJob:
    """What Hydra has of a job that runs: plain values, and the configuration, made when somebody asks for it."""

    def __init__(self, values: dict[str, Any], known: dict[str, Any]) -> None:
        self.values, self.known = values, known

    @cached_property
    def hydra(self) -> DictConfig:
        """Hydra's part; a copy where jobs take turns, as the next one changes the configuration."""
        config = restored(self.values, self.known)
        part: DictConfig = (config if current() is None else deepcopy(config)).hydra
        return part


def hydra_part() -> Any:
    """Return Hydra's part of what runs; of a job as plain values, for which no configuration has to be made."""
    of_job: Any = HydraConfig.instance().cfg
    return of_job.values["hydra"] if isinstance(of_job, OfJob) else HydraConfig.get()


def keys(values: Any) -> Any:
    """Return the keys of a tree of plain values, in their order."""
    return [(key, keys(value)) for key, value in values.items()] if isinstance(values, dict) else None


def change(config: Any, before: dict[str, Any], now: dict[str, Any]) -> None:
    """Set what differs; by what is written, as 1, 1.0 and true are equal to Python."""
    for key, value in now.items():
        if repr(value) == repr(before[key]):
            continue
        if isinstance(value, dict):
            change(config[key], before[key], value)
        else:
            config[key] = value
