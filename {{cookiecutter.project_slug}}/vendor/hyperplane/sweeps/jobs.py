"""One job of a multirun, in another process than the one that composed it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict

from ..hydra_versions import set_defaults
from ..processes.workers import Worker, run_in_workers
from ..run_folder.names import register_resolvers


class Job(NamedTuple):
    """What another process needs to run a job; it can be pickled."""

    context: HydraContext
    task: TaskFunction
    config: DictConfig


def make_jobs(
    overrides: Sequence[Sequence[str]], first: int, context: HydraContext, task: TaskFunction, config: DictConfig
) -> list[Job]:
    """Compose the jobs of a multirun.

    Args:
        overrides: of each job.
        first: number of the first job.
        context: composes their configurations.
        task: the function that is called with each.
        config: of the multirun.
    """
    jobs = []
    for number, override in enumerate(overrides, start=first):
        composed = context.config_loader.load_sweep_config(config, list(override))
        with open_dict(composed):
            composed.hydra.job.id, composed.hydra.job.num = str(number), number
            composed.sweep, composed.hydra.sweep.dir = (
                config.sweep,
                str(config.hydra.sweep.dir),
            )  # the time of the start
        jobs.append(Job(context, task, composed))
    return jobs


def run(job: Job) -> Any:
    """Run a job in this process, as Hydra does it; return what its task returned."""
    set_defaults()
    setup_globals()
    register_resolvers()
    done = run_job(
        hydra_context=job.context,
        task_function=job.task,
        config=job.config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
    return done.return_value


def run_side_by_side(jobs: Sequence[Job], number: int, idle: list[Worker] | None = None) -> list[JobReturn]:
    """Run jobs in `number` processes of this machine; see `workers.py`."""
    return [returned(outcome) for outcome in run_in_workers(run, jobs, number, idle)]


def returned(outcome: Any) -> JobReturn:
    """Return what Hydra expects of a launcher for each job: its result, or the exception that it ended with."""
    status = JobStatus.FAILED if isinstance(outcome, BaseException) else JobStatus.COMPLETED
    result = JobReturn(status=status)
    result.return_value = outcome
    return result
