"""What the launchers for clusters share: which one it is says `kind`."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class ClusterLauncher(Launcher):
    """Runs the jobs of a multirun on a cluster; see `hyperplane.sweeps.clusters`."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    @property
    @abstractmethod
    def kind(self) -> str:
        """The name of the cluster's module there."""

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Check what can be checked before there are jobs."""
        from hyperplane.sweeps.clusters import Cluster

        self.cluster = Cluster(self.kind, self.options, hydra_context, task_function, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs and wait for their end."""
        return self.cluster.launch(job_overrides, initial_job_idx)
