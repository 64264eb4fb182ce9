"""A multirun on a cluster. What SLURM and Ray have in common stands here; neither is imported before it is used."""

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from hydra.core.utils import JobReturn
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from pydantic import BaseModel, ValidationError

from ...errors import UserError
from ...settings import Hardware
from ...validation import problems_of
from ..jobs import Job, make_jobs, returned


class Needs(NamedTuple):
    """What a job asks a cluster for."""

    cores: int
    gpus: int


class Assignment(NamedTuple):
    """A job for a cluster: the name of its folder, what it needs, and what another process needs to run it."""

    name: str
    needs: Needs
    job: Job


class Cluster:
    """Runs the jobs of a multirun on a cluster: what Hydra calls a launcher.

    Raises:
        UserError: the cluster cannot be used from here, or a setting under `hydra.launcher` is wrong.
    """

    def __init__(
        self, name: str, options: dict[str, Any], context: HydraContext, task: TaskFunction, config: DictConfig
    ) -> None:
        self.module = import_module(f".{name}", __name__)
        self.options = checked(self.module.Options, options)
        self.module.check_ready()
        self.context, self.task, self.config = context, task, config

    def launch(self, job_overrides: Sequence[Sequence[str]], first: int) -> list[JobReturn]:
        """Run the jobs with these overrides; return for each that it ended, or why its process died."""
        jobs = make_jobs(job_overrides, first, self.context, self.task, self.config)
        assignments = [Assignment(job.config.hydra.sweep.subdir, needs(job.config), job) for job in jobs]
        died = self.module.launch(assignments, self.options, Path(self.config.hydra.sweep.dir))
        return [returned(RuntimeError(died[name]) if name in died else None) for name, _, _ in assignments]


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
        UserError: names each setting that is unknown, of the wrong type or out of range.
    """
    try:
        return options.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(problems_of(error, options, values, ("hydra", "launcher")))) from None


def require(package: str, extra: str) -> None:
    """Refuse a launcher whose package is not installed."""
    if find_spec(package) is None:
        raise UserError(
            f"hydra/launcher={extra} needs the package {package}, which is not installed. It comes with an extra of "
            f"this project: pip install --constraint constraints.txt --editable '.[{extra}]'"
        )
