"""Where Hydra finds the sweeper: it loads plugins only from the namespace `hydra_plugins`."""

from itertools import product
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class CheckedSweeper(Sweeper):
    """All combinations of the listed values, as Hydra's own sweeper has them; `hyperplane.sweeps.sweep` runs the jobs.

    Args:
        params: overrides of every multirun, key by key: those of the command line take their place.
    """

    def __init__(self, params: dict[str, str] | None = None) -> None:
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what `sweep` needs; Hydra calls this before."""
        self.config = config
        self.loader: Any = hydra_context.config_loader  # that of `hyperplane.composition`
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Run every job that `arguments` span."""
        from hyperplane.reporting.status_line import status_line  # here: Hydra imports this file at every start
        from hyperplane.sweeps.sweep import run_jobs

        assert self.config is not None and self.launcher is not None
        with status_line(Path(str(self.config.hydra.sweep.dir))):
            return run_jobs(self.jobs(arguments), self.config, self.loader, self.launcher)

    def plan(self, arguments: list[str]) -> str:
        """Say what `sweep` would do, and do nothing."""
        from hyperplane.sweeps.plan import plan

        assert self.config is not None
        return plan(self.jobs(arguments), self.config, self.loader)

    def jobs(self, arguments: list[str]) -> list[list[str]]:
        """Return the overrides of every job that `arguments` span."""
        from hyperplane.errors import UserError

        given = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        overrides = OverridesParser.create(config_loader=self.loader).parse_overrides(given)
        for override in overrides:
            if override.is_interval_sweep():
                text = override.input_line
                raise UserError(f"{text} is an interval, which is searched with hydra/sweeper=optuna")
        alternatives = {override.get_key_element(): listed(override) for override in overrides}
        return [list(job) for job in product(*alternatives.values())]


def listed(override: Override) -> list[str]:
    """Return an override for each value that is listed in one."""
    key = override.get_key_element()
    values = override.sweep_string_iterator() if override.is_sweep_override() else [override.get_value_element_as_str()]
    return [f"{key}={value}" for value in values]
