"""Where Hydra finds `hydra/launcher=ray`: it loads plugins only from the namespace `hydra_plugins`."""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class RayLauncher(Launcher):
    """Runs the jobs of a multirun on Ray; see `hyperplane.sweeps.clusters.ray`."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Check what can be checked before there are jobs."""
        from hyperplane.sweeps.clusters import Cluster

        self.cluster = Cluster("ray", self.options, hydra_context, task_function, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs and wait for their end."""
        return self.cluster.launch(job_overrides, initial_job_idx)
