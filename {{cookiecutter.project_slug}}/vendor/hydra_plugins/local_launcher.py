"""Where Hydra finds the launcher for one machine: it loads plugins only from `hydra_plugins`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class LocalLauncher(Launcher):
    """Runs jobs in processes of their own on this machine; see `hyperplane.processes.workers`.

    Args:
        n_jobs: how many at once; -1: as many as there are cores, -2: one fewer.
    """

    def __init__(self, n_jobs: int = 1, **others: Any) -> None:  # what Hydra's own plugin of that name would add
        self.n_jobs = n_jobs
        self.idle: list[Any] | None = None  # processes that stay for the next launch

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what `launch` needs; Hydra calls this before."""
        self.context, self.task, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs, and return when all have ended."""
        from hyperplane.processes.cores import processes
        from hyperplane.sweeps.jobs import make_jobs, run_side_by_side

        made = make_jobs(job_overrides, initial_job_idx, self.context, self.task, self.config)
        return list(run_side_by_side(made, processes(self.n_jobs), self.idle))

    @contextmanager
    def staying(self) -> Iterator[None]:
        """Keep processes from one launch to the next inside: each has torch imported, which takes seconds."""
        self.idle = []
        try:
            yield
        finally:
            from hyperplane.processes.workers import stop

            stop(self.idle)
            self.idle = None
