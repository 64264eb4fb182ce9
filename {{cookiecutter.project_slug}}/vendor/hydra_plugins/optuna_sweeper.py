"""Where Hydra finds the sweeper behind `hydra/sweeper=optuna`. Hydra imports this at every start: it imports little."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class OptunaSweeper(Sweeper):
    """Jobs that Optuna chooses; `hyperplane.search` runs them, and reads the settings from the config."""

    def __init__(self, params: dict[str, str] | None, **settings: Any) -> None:
        self.params = params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what `sweep` needs, and find out whether Optuna is there; Hydra calls this before."""
        self.config = config
        self.loader: Any = hydra_context.config_loader  # that of `hyperplane.composition`
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        if find_spec("optuna") is None:
            from hyperplane.errors import UserError

            raise UserError("hydra/sweeper=optuna needs the package optuna: pip install optuna")

    def sweep(self, arguments: list[str]) -> Any:
        """Run the trials."""
        from hyperplane.reporting.status_line import status_line
        from hyperplane.search.search import search

        assert self.config is not None and self.launcher is not None
        given = [*(f"{key}={value}" for key, value in self.params.items()), *arguments]
        overrides = OverridesParser.create(config_loader=self.loader).parse_overrides(given)
        with status_line(Path(str(self.config.hydra.sweep.dir))):
            return search(overrides, self.config, self.loader, self.launcher)
