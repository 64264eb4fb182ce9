"""A search: Optuna chooses each batch of jobs from the results of those before it.

What is known is on disk at every moment: the study in `study.journal`, and what a job found in the job's own folder.
The same command again goes on from there: trials with a result count, and those that were running go on.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override
from hydra.plugins.launcher import Launcher
from loguru import logger
from omegaconf import DictConfig, OmegaConf
from optuna import Study

from ..errors import UserError, first_line
from ..metrics.metric_names import MetricNames
from ..processes.cores import processes
from ..processes.signals import Stopped
from ..run_folder.integrity import read_summary
from ..run_folder.locks import alone_in, is_locked
from ..settings import Settings
from ..settings.search import Grid, Search
from ..sweeps.sweep import NOT_CHOSEN, NOT_PART_OF_A_JOB, ONE_NAME, JobLoader, check_job, job_id, start, write_names
from ..whole_file import write_whole
from .direction import directions
from .results import report_search, tell, write_table
from .space import Space, corners, job, size, split
from .study import ANSWERED, begin_trial, open_study, read_settings, unfinished_trials


def search(overrides: Sequence[Override], config: DictConfig, loader: JobLoader, launcher: Launcher) -> None:
    """Run trials until as many have a result as were asked for, and tell the best.

    Raises:
        UserError: the search is not valid, or a job at an end of its ranges; nothing has been started.
        SweepFailed: at least one trial failed; the others have run to their end.
        Stopped: a signal has come; what ran has written a checkpoint.
    """
    settings = read_settings(config.hydra.sweeper)
    jobs = Jobs(config, loader, launcher)
    refuse_folds(overrides)
    if any(override.get_key_element() == "sweep" and override.is_sweep_override() for override in overrides):
        raise UserError(ONE_NAME)
    fixed, space = split(overrides, jobs.default)
    if isinstance(settings.sampler, Grid) and size(space) == float("inf"):
        raise UserError("hydra/sweeper/sampler=grid needs choice(...) or range(...): an interval has no end")
    checked = [jobs.check(job(fixed, corner)) for corner in corners(space)]
    for settings_of_job in checked:
        needs_validation(settings, settings_of_job)
    towards = directions(settings, checked)
    monitor = MetricNames()(checked[0].checkpoint.monitor)
    if settings.metric == Search().metric != (monitor,):
        logger.warning(
            "The search compares {}, while its runs choose their weights by checkpoint.monitor={}. To search by that "
            "too: hydra.sweeper.metric={}",
            *(*settings.metric, monitor, monitor),
        )

    jobs.folder.mkdir(parents=True, exist_ok=True)
    with alone_in(jobs.folder):
        shared = [override for override in fixed if override.partition("=")[0] not in NOT_PART_OF_A_JOB]
        study = open_study(jobs.folder, settings, towards, space, shared)
        write_whole(jobs.folder / "multirun.yaml", OmegaConf.to_yaml(config))
        try:
            with getattr(launcher, "staying", nullcontext)():  # one that knows many launches belong together
                run_trials(study, settings, fixed, space, jobs)
        except Stopped as stop:
            logger.warning("The search was {}. The same command resumes it.", stop)
            raise
        except UserError:
            write_names(jobs.folder, [])  # nothing waits any longer
            raise
        write_names(jobs.folder, [])
        report_search(study, settings, shared, jobs.folder)


def refuse_folds(overrides: Sequence[Override]) -> None:
    """Refuse to choose among the folds of a cross-validation: the easiest one would win."""
    given = {override.get_key_element().lstrip("+"): override for override in overrides}
    if "data.fold" in given and given["data.fold"].is_sweep_override():
        folds = f" data.folds={given['data.folds'].get_value_element_as_str()}" if "data.folds" in given else ""
        raise UserError(
            f"{given['data.fold'].input_line} is nothing to choose: the easiest fold would win. A nested search is one "
            "search for each outer fold, whose test part chooses nothing:\n"
            f"  train -m hydra/sweeper=optuna{folds} data.fold=0 hydra.sweep.dir=runs/sweeps/<name>/0 ...\n"
            "and so on for the other folds; report runs/sweeps/<name> then shows what they chose."
        )


def needs_validation(search: Search, settings: Settings) -> None:
    """Refuse a validation metric where there is no validation data."""
    asked = [name for name in search.metric if name.startswith("val/")]
    if asked and getattr(settings.data, "val_fraction", None) == 0:
        raise UserError(f"hydra.sweeper.metric={asked[0]} needs data.val_fraction above 0")


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
        logger.info("{} of {} trials have a result already, {} are resumed", answered, settings.n_trials, len(waiting))
    width = settings.n_jobs or jobs.beside
    while waiting or new > 0:
        batch, waiting = waiting[:width], waiting[width:]
        while len(batch) < width and new > 0:
            batch.append(begin_trial(study, settings, space))
            new -= 1
        pairs = [(trial, job(fixed, trial.params)) for trial in batch]
        names = [job_id(job(fixed, trial.params)) for trial in [*batch, *waiting]]
        write_names(jobs.folder, [*names, *[NOT_CHOSEN] * new])
        for trial, overrides in pairs:
            trial.set_user_attr("job", job_id(overrides))  # by which the job finds its trial
        for trial, summary in zip(batch, jobs.run([overrides for _, overrides in pairs]), strict=True):
            tell(study, settings, trial, summary)
        write_table(study, settings, jobs.folder)


class Jobs:
    """The jobs of a search, in the folder of the sweep."""

    def __init__(self, config: DictConfig, loader: JobLoader, launcher: Launcher) -> None:
        self.config = config
        self.loader = loader
        self.launcher = launcher
        self.folder = Path(str(config.hydra.sweep.dir))
        self.beside = processes(config.hydra.launcher.get("n_jobs", 1))
        self.launched = 0

    def default(self, overrides: list[str], key: str) -> Any:
        """Return the value of `key` in the configuration that `overrides` make; None if it has none."""
        return OmegaConf.select(self.loader.load_sweep_config(self.config, overrides), key.lstrip("+"))

    def check(self, overrides: list[str]) -> Settings:
        """Return the settings of a job; refuse those that are not valid."""
        return check_job(overrides, self.config, self.loader)

    def run(self, batch: Sequence[list[str]]) -> list[dict[str, Any]]:
        """Run the jobs of a batch that have no result yet.

        Two jobs may have the same overrides.

        Returns:
            The summary of each job; where there is none, its status and the reason.
        """
        waiting: dict[Path, list[str]] = {}
        reasons: dict[Path, str] = {}
        folders = [self.folder / job_id(overrides) for overrides in batch]
        for overrides, folder in zip(batch, folders, strict=True):
            summary = read_summary(folder)
            if summary.get("status") == "completed" or summary.get("pruned"):
                continue
            try:
                self.check(overrides)
                waiting[folder] = overrides
            except UserError as error:
                reasons[folder] = first_line(error)
        if waiting:
            jobs = [(overrides, folder) for folder, overrides in waiting.items()]
            reasons |= start(jobs, self.launcher, first=self.launched)
            self.launched += len(waiting)
        return [outcome(folder, reasons.get(folder)) for folder in folders]


def outcome(folder: Path, reason: str | None) -> dict[str, Any]:
    """Return the summary of the job in `folder`, or one that says why there is none."""
    if is_locked(folder):
        return {"status": "interrupted", "error": "another process is running it"}
    return read_summary(folder) or {"status": "failed", "error": reason or "it ended without a summary"}
