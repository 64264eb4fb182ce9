"""Where Hydra finds this project's sweeper: it loads plugins only from the namespace `hydra_plugins`."""

from importlib import import_module
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class CheckedSweeper(BasicSweeper):
    """Hydra's basic sweeper (all combinations of the listed values); `sweeps/sweep.py` of the project runs the jobs."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Find the package of the command that is swept; Hydra calls this before `sweep`."""
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.project = import_module(".sweeps.sweep", task_function.__module__.rpartition(".")[0])

    def sweep(self, arguments: list[str]) -> Any:
        """Run every job that `arguments` span; see `run_jobs` there."""
        assert self.config is not None and self.launcher is not None and self.hydra_context is not None
        loader = self.hydra_context.config_loader
        overrides = OverridesParser.create(config_loader=loader).parse_overrides([*self._parse_config(), *arguments])
        for override in overrides:
            if override.is_interval_sweep():
                text = override.input_line
                raise self.project.UserMistake(f"{text} is an interval, which is searched with hydra/sweeper=optuna")
        jobs = self.split_arguments(overrides, max_batch_size=None)[0]
        return self.project.run_jobs(jobs, self.config, loader, self.launcher)
