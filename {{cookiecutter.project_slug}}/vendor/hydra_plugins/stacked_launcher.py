"""Where Hydra finds `hydra/launcher=stacked`: it loads plugins only from the namespace `hydra_plugins`."""

from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn

from .local_launcher import LocalLauncher


class StackedLauncher(LocalLauncher):
    """Trains jobs that differ in numbers only as one batched program; see `hyperplane.stacking`.

    Args:
        members: of a stack, at most; None: as many as fit into memory.
        n_jobs: how many processes at once, each with a stack; -1: as many as there are cores, -2: one fewer.
    """

    def __init__(self, members: int | None = None, n_jobs: int = -1, **others: Any) -> None:
        super().__init__(n_jobs, **others)
        self.members = members

    def setup(self, **known: Any) -> None:
        """Keep what `launch` needs.

        Raises:
            UserError: `members` is no number of members.
        """
        super().setup(**known)
        if self.members is not None and (type(self.members) is not int or self.members < 2):
            from hyperplane.errors import UserError

            raise UserError(
                f"hydra.launcher.members={self.members} is not allowed: 2 or more, or null for as many as fit"
            )

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs, and return when all have ended."""
        from hyperplane.processes.cores import processes
        from hyperplane.stacking.launching import run_stacked
        from hyperplane.sweeps.jobs import make_jobs

        made = make_jobs(job_overrides, initial_job_idx, self.context, self.task, self.config)
        return run_stacked(made, processes(self.n_jobs), self.members, self.idle)
