"""Where Hydra finds this project's sweeper: it loads plugins only from the namespace `hydra_plugins`."""

from importlib import import_module
from itertools import product
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class CheckedSweeper(Sweeper):
    """All combinations of the listed values, as Hydra's own sweeper has them; `sweeps/sweep.py` runs the jobs.

    Args:
        params: overrides of every multirun, key by key: those of the command line take their place.
    """

    def __init__(self, params: dict[str, str] | None = None) -> None:
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Find the package of the command that is swept; Hydra calls this before `sweep`."""
        self.config = config
        self.loader = hydra_context.config_loader
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self.project = import_module(".sweeps.sweep", task_function.__module__.rpartition(".")[0])

    def sweep(self, arguments: list[str]) -> Any:
        """Run every job that `arguments` span; see `run_jobs` there."""
        given = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        overrides = OverridesParser.create(config_loader=self.loader).parse_overrides(given)
        for override in overrides:
            if override.is_interval_sweep():
                text = override.input_line
                raise self.project.UserMistake(f"{text} is an interval, which is searched with hydra/sweeper=optuna")
        alternatives = {override.get_key_element(): listed(override) for override in overrides}
        jobs = [list(job) for job in product(*alternatives.values())]
        return self.project.run_jobs(jobs, self.config, self.loader, self.launcher)


def listed(override: Override) -> list[str]:
    """Return an override for each value that is listed in one."""
    key = override.get_key_element()
    values = override.sweep_string_iterator() if override.is_sweep_override() else [override.get_value_element_as_str()]
    return [f"{key}={value}" for value in values]
