"""Where Hydra finds the sweeper: it loads plugins only from the namespace `hydra_plugins`."""

from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser


class CheckedSweeper(BasicSweeper):
    """Hydra's basic sweeper (all combinations of the listed values); `hyperplane.sweeps.sweep` runs the jobs."""

    def sweep(self, arguments: list[str]) -> Any:
        """Run every job that `arguments` span."""
        from hyperplane.errors import (
            UserError,  # here: Hydra imports this file at every start
        )
        from hyperplane.sweeps.sweep import run_jobs

        assert self.config is not None and self.launcher is not None and self.hydra_context is not None
        loader = self.hydra_context.config_loader
        overrides = OverridesParser.create(config_loader=loader).parse_overrides([*self._parse_config(), *arguments])
        for override in overrides:
            if override.is_interval_sweep():
                text = override.input_line
                raise UserError(f"{text} is an interval, which is searched with hydra/sweeper=optuna")
        jobs = self.split_arguments(overrides, max_batch_size=None)[0]
        return run_jobs(jobs, self.config, loader, self.launcher)
