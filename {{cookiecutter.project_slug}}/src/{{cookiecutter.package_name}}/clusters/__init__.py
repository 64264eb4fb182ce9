"""A multirun on a cluster. What SLURM and Ray have in common stands here; neither is imported before it is used."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.utils import JobReturn, JobStatus
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel, ValidationError

from ..checking import describe
from ..mistakes import UserMistake
from ..settings import Hardware


class Needs(NamedTuple):
    """What a job asks a cluster for."""

    cores: int
    gpus: int


class Job(NamedTuple):
    """A job of a multirun: the name of its folder, what it needs, and what runs it in a process of the cluster."""

    name: str
    needs: Needs
    run: Callable[[], None]


class Died(Exception):
    """A job's process ended before the job did."""


class Multirun:
    """Runs the jobs of a multirun on a cluster: what Hydra calls a launcher.

    Raises:
        UserMistake: the cluster cannot be used from here, or a setting under `hydra.launcher` is wrong.
    """

    def __init__(
        self, name: str, options: dict[str, Any], context: HydraContext, task: TaskFunction, config: DictConfig
    ) -> None:
        self.cluster = import_module(f".{name}", __name__)
        self.options = checked(self.cluster.Options, options)
        self.cluster.check_ready()
        self.context, self.task, self.config = context, task, config

    def launch(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Run the jobs with these overrides; return for each that it ended, or why its process died."""
        jobs = [self.job(list(overrides), first + i) for i, overrides in enumerate(job_overrides)]
        died = self.cluster.launch(jobs, self.options, Path(self.config.hydra.sweep.dir))
        return [outcome(overrides, died.get(job.name)) for overrides, job in zip(job_overrides, jobs, strict=True)]

    def job(self, overrides: list[str], number: int) -> Job:
        """Return the job with these overrides."""
        config = self.context.config_loader.load_sweep_config(self.config, overrides)
        run = partial(stand_in, self.context, self.task, self.config, overrides, number)
        return Job(str(config.hydra.sweep.subdir), needs(config), run)


def stand_in(context: Any, task: Any, config: Any, overrides: list[str], number: int) -> None:
    from hydra.core.hydra_config import HydraConfig
    from hydra.core.utils import run_job, setup_globals
    from omegaconf import open_dict

    setup_globals()
    job = context.config_loader.load_sweep_config(config, overrides)
    with open_dict(job):
        job.hydra.job.id = job.hydra.job.num = number
    HydraConfig.instance().set_config(job)
    run_job(
        hydra_context=context,
        config=job,
        task_function=task,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )


def outcome(overrides: Sequence[str], reason: str | None) -> JobReturn:
    """Return what Hydra wants to know of a job; its results are in the summary in its folder."""
    done = JobReturn(overrides=overrides, status=JobStatus.FAILED if reason else JobStatus.COMPLETED)
    done.return_value = Died(reason) if reason else None
    return done


def needs(config: DictConfig) -> Needs:
    """Return what the `hardware` of a job's configuration amounts to.

    Every device has a process of its own with `hardware.threads` threads. With `hardware.threads=0` torch takes the
    cores that the job was given: one a device, unless the launcher is told to ask for more.
    """
    hardware = Hardware.model_validate(OmegaConf.to_container(config.hardware, resolve=True))
    devices = len(hardware.devices) if isinstance(hardware.devices, list) else hardware.devices
    devices = 1 if devices == "auto" else devices
    return Needs(cores=devices * max(1, hardware.threads), gpus=devices if hardware.accelerator == "gpu" else 0)


def checked(options: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    """Return the settings under `hydra.launcher`.

    Raises:
        UserMistake: names each setting that is unknown, of the wrong type or out of range.
    """
    try:
        return options.model_validate(values)
    except ValidationError as error:
        raise UserMistake("\n".join(describe(error, options, values, ("hydra", "launcher")))) from None


def require(package: str, extra: str) -> None:
    """Refuse a launcher whose package is not installed."""
    if find_spec(package) is None:
        raise UserMistake(
            f"hydra/launcher={extra} needs the package {package}, which is not installed. It comes with an extra of "
            f"this project: pip install --constraint constraints.txt --editable '.[{extra}]'"
        )
