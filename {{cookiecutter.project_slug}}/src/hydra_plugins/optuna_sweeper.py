"""Where Hydra finds the sweeper behind `hydra/sweeper=optuna`. Hydra imports this at every start: it imports little."""

from importlib import import_module
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class OptunaSweeper(Sweeper):
    """Jobs that Optuna chooses; `search/` of the project runs them, and reads the settings from the config."""

    def __init__(self, params: dict[str, str] | None, **settings: Any) -> None:
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Find the package of the command that is swept; Hydra calls this before `sweep`."""
        self.config = config
        self.loader = hydra_context.config_loader
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        package = task_function.__module__.rpartition(".")[0]
        try:
            self.project = import_module(".search.search", package)
        except ModuleNotFoundError as error:
            if error.name != "optuna":
                raise
            mistakes = import_module(".mistakes", package)
            message = "hydra/sweeper=optuna needs the package optuna: pip install optuna"
            raise mistakes.UserMistake(message) from None

    def sweep(self, arguments: list[str]) -> Any:
        """Run the trials; see `search/search.py`."""
        given = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        overrides = OverridesParser.create(config_loader=self.loader).parse_overrides(given)
        return self.project.search(overrides, self.config, self.loader, self.launcher)
