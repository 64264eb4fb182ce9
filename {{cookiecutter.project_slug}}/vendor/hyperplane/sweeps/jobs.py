"""One job of a multirun, in another process than the one that composed it."""

from collections.abc import Sequence
from contextlib import chdir, nullcontext
from copy import deepcopy
from multiprocessing import parent_process
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, configure_log, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from ..hydra_versions import set_defaults
from ..processes.workers import Worker, run_in_workers
from ..run_folder.names import register_resolvers
from ..terminal import print_above
from ..turns import current
from .notes import write_notes
from .restoring import OfJob, restored

IMPORTED = "hyperplane.training.imported"
_logging: list[str] = []  # what logging was set up by in this process


class Job(NamedTuple):
    """What another process needs to run a job; it can be pickled, which takes plain values a twentieth of the time."""

    task: TaskFunction
    values: dict[str, Any]  # the configuration with Hydra's part; `${...}` stand as written
    known: dict[str, Any]  # what functions such as `${now:...}` have returned for the multirun

    @property
    def config(self) -> DictConfig:
        """The configuration, until that of another job is asked for."""
        return restored(self.values, self.known)


def make_jobs(
    overrides: Sequence[Sequence[str]], first: int, context: HydraContext, task: TaskFunction, config: DictConfig
) -> list[Job]:
    """Compose the jobs of a multirun."""
    loader: Any = context.config_loader
    known = OmegaConf.get_cache(config)
    sweep, folder = config.sweep, str(config.hydra.sweep.dir)  # with the time of the start
    jobs = []
    for number, override in enumerate(overrides, start=first):
        values = loader.whole_values(config, list(override))
        values["hydra"]["job"] |= {"id": str(number), "num": number}
        values["hydra"]["sweep"] |= {"dir": folder, "subdir": str(values["hydra"]["sweep"]["subdir"])}
        jobs.append(Job(task, values | {"sweep": sweep}, known))
    return jobs


def run(job: Job) -> Any:
    """Run a job in this process, as Hydra does it; return what its task returned.

    Hydra's `run_job` copies the configuration four times, and takes a tenth of a small job. Callbacks of Hydra and
    environment variables are left out: security.py allows neither.
    """
    set_defaults()
    setup_globals()
    register_resolvers()
    hydra: Any = HydraConfig.instance()
    around = hydra.cfg
    part = job.values["hydra"]
    folder = Path(part["sweep"]["dir"], part["sweep"]["subdir"]).absolute()
    values = job.values | {"hydra": part | {"runtime": part["runtime"] | {"output_dir": str(folder)}}}
    own = restored({key: value for key, value in values.items() if key != "hydra"}, job.known)
    if current() is not None:
        own = deepcopy(own)  # jobs that take turns have one each
    hydra.cfg = OfJob(values, job.known)  # what `${hydra:...}` refers to
    try:
        folder.mkdir(parents=True, exist_ok=True)
        set_up_logging(part["job_logging"], part["verbose"])
        if part["output_subdir"] is not None:
            is_known = "${" not in part["output_subdir"]
            name = part["output_subdir"] if is_known else HydraConfig.get().output_subdir
            write_notes(values, folder / str(name))
        with chdir(folder) if part["job"]["chdir"] and HydraConfig.get().job.chdir else nullcontext():
            return job.task(own)
    finally:
        hydra.cfg = around


def set_up_logging(section: Any, verbose: Any) -> None:
    """Set up logging as the configuration says; in a process for jobs once, unless another job wants it otherwise.

    What a job prints there goes above the line that the multirun draws.
    """
    wanted = repr((section, verbose))
    if parent_process() is not None:
        print_above()  # the multirun draws a line
    if parent_process() is None or wanted not in _logging:
        hydra: Any = HydraConfig.get()
        configure_log(hydra.job_logging, hydra.verbose)
        _logging[:] = [wanted]


def run_side_by_side(jobs: Sequence[Job], number: int, idle: list[Worker] | None = None) -> list[JobReturn]:
    """Run jobs in `number` processes of this machine; see `workers.py`."""
    outcomes = run_in_workers(run, jobs, number, idle, imported=imported_once(jobs))
    return [returned(outcome) for outcome in outcomes]


def imported_once(jobs: Sequence[Job]) -> str | None:
    """Return the module that the processes of these jobs import together; each for itself if a job may use a GPU."""
    uses_cpu = all((job.values.get("hardware") or {}).get("accelerator") == "cpu" for job in jobs)
    return IMPORTED if uses_cpu else None


def returned(outcome: Any) -> JobReturn:
    """Return what Hydra expects of a launcher for each job: its result, or the exception that it ended with."""
    status = JobStatus.FAILED if isinstance(outcome, BaseException) else JobStatus.COMPLETED
    result = JobReturn(status=status)
    result.return_value = outcome
    return result
