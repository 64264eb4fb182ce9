"""A search: Optuna chooses each batch of jobs from the results of those before it.

What is known is on disk at every moment: the study in `study.journal`, and what a job found in the job's own folder.
The same command again goes on from there: trials with a result count, and those that were running go on.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Override
from hydra.errors import CompactHydraException
from hydra.plugins.launcher import Launcher
from loguru import logger
from omegaconf import DictConfig, OmegaConf
from optuna import Study
from optuna.trial import Trial

from .checking import check, explain
from .integrity import read_summary
from .mistakes import UserMistake
from .search_results import conclude, tell, write_table
from .search_space import Space, corners, job, size, split
from .settings import Settings
from .settings.search import Grid, Search, Unpruned
from .study import ANSWERED, begin_trial, open_study, read_settings, unfinished_trials
from .sweeps import NOT_PART_OF_A_JOB, job_id


def search(overrides: Sequence[Override], config: DictConfig, loader: ConfigLoader, launcher: Launcher) -> None:
    """Run trials until as many have a result as were asked for, and tell the best.

    Args:
        overrides: fixed settings, and the ranges of the others.
        config: of the multirun, with `hydra.sweep.dir`.
        loader: composes the configuration of a job.
        launcher: runs jobs, here or elsewhere.

    Raises:
        UserMistake: the search is not valid, or a job at an end of its ranges; nothing has been started.
        SweepFailed: at least one trial failed; the others have run to their end.
    """
    settings = read_settings(config.hydra.sweeper)
    jobs = Jobs(config, loader, launcher)
    fixed, space = split(overrides, jobs.default)
    if isinstance(settings.sampler, Grid) and size(space) == float("inf"):
        raise UserMistake("hydra/sweeper/sampler=grid needs choice(...) or range(...): an interval has no end")
    for corner in corners(space):
        needs_validation(settings, jobs.checked(job(fixed, corner)))

    jobs.folder.mkdir(parents=True, exist_ok=True)
    with held(jobs.folder):
        shared = [override for override in fixed if override.partition("=")[0] not in NOT_PART_OF_A_JOB]
        study = open_study(jobs.folder, settings, space, shared)
        OmegaConf.save(config, jobs.folder / "multirun.yaml")
        run_trials(study, settings, fixed, space, jobs)
        conclude(study, settings, shared, jobs.folder)


def needs_validation(search: Search, settings: Settings) -> None:
    """Refuse a validation metric where there is no validation data."""
    asked = [name for name in search.metric if name.startswith("val/")]
    if asked and getattr(settings.data, "val_fraction", None) == 0:
        raise UserMistake(f"hydra.sweeper.metric={asked[0]} needs data.val_fraction above 0")


def run_trials(study: Study, settings: Search, fixed: list[str], space: Space, jobs: "Jobs") -> None:
    """Run the trials that were stopped, and as many new ones as lack a result.

    A trial that fails takes its place until the command is given again: then another is tried instead.
    """
    waiting = unfinished_trials(study, settings, space)
    answered = len(study.get_trials(deepcopy=False, states=ANSWERED))
    new = max(0, settings.n_trials - answered - len(waiting))
    if isinstance(settings.sampler, Grid):
        new = min(new, int(size(space)) - len(study.get_trials(deepcopy=False)))
    if answered or waiting:
        logger.info("{} of {} trials have a result already, {} go on", answered, settings.n_trials, len(waiting))
    width = settings.n_jobs or jobs.side_by_side
    while waiting or new > 0:
        batch, waiting = waiting[:width], waiting[width:]
        while len(batch) < width and new > 0:
            batch.append(begin_trial(study, settings, space))
            new -= 1
        pairs = [(trial, job(fixed, trial.params)) for trial in batch]
        mistakes = jobs.run(pairs, prunes=not isinstance(settings.pruner, Unpruned))
        for trial, overrides in pairs:
            summary = read_summary(jobs.folder / job_id(overrides)) | mistakes.get(trial.number, {})
            tell(study, settings, trial, summary, job_id(overrides))
        write_table(study, settings, jobs.folder)


class Jobs:
    """The jobs of a search: composed, checked, and run in the folder of the sweep."""

    def __init__(self, config: DictConfig, loader: ConfigLoader, launcher: Launcher) -> None:
        self.config = config
        self.loader = loader
        self.launcher = launcher
        self.folder = Path(str(config.hydra.sweep.dir))
        self.launched = 0

    @property
    def side_by_side(self) -> int:
        """How many jobs the launcher runs at the same time."""
        count = self.config.hydra.launcher.get("n_jobs") or 1
        return count if count > 0 else os.cpu_count() or 1

    def default(self, overrides: list[str], key: str) -> Any:
        """Return the value of `key` in the configuration that `overrides` make; None if it has none."""
        return OmegaConf.select(self.loader.load_sweep_config(self.config, overrides), key.lstrip("+"))

    def checked(self, overrides: list[str]) -> Settings:
        """Return the settings of a job.

        Raises:
            UserMistake: they are not valid.
        """
        try:
            return check(self.loader.load_sweep_config(self.config, overrides))
        except (UserMistake, CompactHydraException) as error:
            reason = str(error) if isinstance(error, UserMistake) else explain(error)
            raise UserMistake(f"{reason}\nin the job: {' '.join(overrides)}\nIt has not been started.") from None

    def run(self, trials: Sequence[tuple[Trial, list[str]]], prunes: bool) -> dict[int, dict[str, Any]]:
        """Run the jobs of a batch that have no result yet, all at once.

        Args:
            trials: each with the overrides of its job; two may have the same.
            prunes: whether jobs report to the study.

        Returns:
            For each trial whose settings are not valid a summary that says so, by the number of the trial.
        """
        launched: dict[str, list[str]] = {}
        refused = {}
        for trial, overrides in trials:
            place = job_id(overrides)
            summary = read_summary(self.folder / place)
            if summary.get("status") == "completed" or summary.get("pruned"):
                continue
            try:
                self.checked(overrides)
            except UserMistake as mistake:
                refused[trial.number] = {"status": "failed", "error": str(mistake)}
                continue
            number = [f"hydra.sweeper.trial={trial.number}"] if prunes else []
            launched.setdefault(place, [*overrides, f"hydra.sweep.subdir={place}", *number])
        if launched:
            self.launcher.launch(list(launched.values()), initial_job_idx=self.launched)
            self.launched += len(launched)
        return refused


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other searches out of `folder`.

    Raises:
        UserMistake: another process is searching there.
    """
    try:
        with FileLock(folder / ".search.lock", timeout=0):
            yield
    except Timeout:
        raise UserMistake(
            f"sweep={folder.name}: another process is at work in {folder}.\n"
            "Wait for it, or choose another name; the same command goes on after it."
        ) from None
