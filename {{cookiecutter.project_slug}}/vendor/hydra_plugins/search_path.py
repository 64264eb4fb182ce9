"""Where Hydra looks for configurations after those of the project: among the engine's."""

from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.plugins.search_path_plugin import SearchPathPlugin


class EngineConfigs(SearchPathPlugin):
    """Appends the engine's configurations: launchers, sweepers, logging, and the other commands."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append a folder; what a project has under the same name comes first."""
        folder = Path(__file__).parents[1] / "hyperplane" / "configs"
        search_path.append("hyperplane", f"file://{folder}")
