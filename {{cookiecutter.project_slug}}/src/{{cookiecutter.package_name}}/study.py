"""The study of a search on disk: `study.journal` in the folder of the sweep, one line of JSON for each event.

Optuna's journal and not SQLite: jobs on other machines write to it too, and SQLite's locks do not hold on the network
file systems of clusters. What the journal lacks, survival of a kill in the middle of a line, is in `JournalLock`.
"""

import random
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution, distribution_to_json
from optuna.exceptions import ExperimentalWarning
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial, TrialState
from pydantic import ValidationError

from .checking import describe
from .mistakes import UserMistake
from .search_space import Space
from .settings.search import Search

JOURNAL = "study.journal"
NAME = "search"  # of the only study in the journal
ANSWERED = (TrialState.COMPLETE, TrialState.PRUNED)
NOT_SETTINGS = {"_target_", "_recursive_", "params", "trial"}  # of hydra.sweeper: what only Hydra and the search use


def read_settings(sweeper: DictConfig) -> Search:
    """Return the settings that `hydra.sweeper` holds.

    Raises:
        UserMistake: one of them is not allowed.
    """
    given: Any = OmegaConf.to_container(sweeper, resolve=True)
    values = {key: value for key, value in given.items() if key not in NOT_SETTINGS}
    try:
        return Search.model_validate(values)
    except ValidationError as error:
        raise UserMistake("\n".join(describe(error, Search, values, ("hydra", "sweeper")))) from None


class JournalLock(JournalFileOpenLock):
    """A lock that the system takes back from a process that died; Optuna's own would hold others up for 30 s.

    What was cut off in the middle of a line is removed before the next line is written.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path
        self.lock = FileLock(path.with_suffix(".lock"))

    def acquire(self) -> bool:
        """Wait for the lock."""
        self.lock.acquire()
        drop_torn_line(self.path)
        return True

    def release(self) -> None:
        """Let others write."""
        self.lock.release()


def drop_torn_line(path: Path) -> None:
    """Remove what follows the last line break of a file."""
    with path.open("rb+") as file:
        end = file.seek(0, 2)
        if end == 0 or (file.seek(-1, 2) >= 0 and file.read(1) == b"\n"):
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


class Grid(optuna.samplers.BruteForceSampler):
    """Optuna's sampler of every combination, without its request to stop: here the search itself counts."""

    def after_trial(self, study: Any, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Do nothing."""


SAMPLERS = {
    "tpe": optuna.samplers.TPESampler,
    "gp": optuna.samplers.GPSampler,
    "nsgaii": optuna.samplers.NSGAIISampler,
    "random": optuna.samplers.RandomSampler,
    "grid": Grid,
}
PRUNERS = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "successive_halving": optuna.pruners.SuccessiveHalvingPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
}


def open_storage(folder: Path) -> JournalStorage:
    """Return the journal in `folder`, whose events others may add to at the same time."""
    optuna.logging.disable_default_handler()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.logging.enable_propagation()
    warnings.simplefilter("ignore", ExperimentalWarning)
    path = folder / JOURNAL
    return JournalStorage(JournalFileBackend(str(path), lock_obj=JournalLock(path)))


def open_study(folder: Path, settings: Search, space: Space, fixed: Sequence[str]) -> optuna.Study:
    """Return the study in `folder`, a new one or the one that was begun there.

    Raises:
        UserMistake: the one that was begun there asks another question.
    """
    question = {
        "metric": list(settings.metric),
        "direction": list(settings.directions),
        "settings of all trials": sorted(fixed),
        **{key: distribution_to_json(distribution) for key, distribution in space.items()},
    }
    study = optuna.create_study(
        storage=open_storage(folder),
        study_name=NAME,
        directions=settings.directions,
        pruner=make_pruner(settings),
        load_if_exists=True,
    )
    begun = study.user_attrs.get("question")
    if begun is None:
        study.set_user_attr("question", question)
    elif begun != question:
        differences = [
            f"  {key} was {begun.get(key, 'not searched')} and is {question.get(key, 'not searched')}"
            for key in {**begun, **question}
            if begun.get(key) != question.get(key)
        ]
        raise UserMistake(
            f"{folder} holds a search of something else, so that its results cannot be compared with new ones:\n"
            + "\n".join(differences)
            + "\nGive this search another name with sweep=..., or ask the same as before (n_trials, n_jobs, sampler, "
            "pruner and launcher may change)."
        )
    return study


def make_pruner(settings: Search) -> optuna.pruners.BasePruner:
    """Return Optuna's pruner of that name."""
    return PRUNERS[settings.pruner.name](**settings.pruner.model_dump(exclude={"name"}))


def make_sampler(settings: Search, number: int) -> optuna.samplers.BaseSampler:
    """Return a sampler for the trial `number`.

    Each trial has a seed of its own, which follows from its number: a search that was stopped and started again does
    not repeat its first draws.
    """
    seed = random.Random(f"{settings.sampler.seed}/{number}").getrandbits(32)
    return SAMPLERS[settings.sampler.name](**settings.sampler.model_dump(exclude={"name", "seed"}), seed=seed)


def begin_trial(study: optuna.Study, settings: Search, space: Space) -> Trial:
    """Return a new trial with values for all parameters."""
    study.sampler = make_sampler(settings, len(study.get_trials(deepcopy=False)))
    return with_values(study.ask(), space)


def unfinished_trials(study: optuna.Study, settings: Search, space: Space) -> list[Trial]:
    """Return the trials that an earlier start left running when it was stopped or killed."""
    study.sampler = make_sampler(settings, len(study.get_trials(deepcopy=False)))
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [with_values(Trial(study, trial._trial_id), space) for trial in running]


def with_values(trial: Trial, space: Space) -> Trial:
    """Give `trial` a value for each parameter that it has none for yet."""
    for key, d in space.items():
        if isinstance(d, CategoricalDistribution):
            trial.suggest_categorical(key, d.choices)
        elif isinstance(d, IntDistribution):
            trial.suggest_int(key, d.low, d.high, step=d.step, log=d.log)
        elif isinstance(d, FloatDistribution):
            trial.suggest_float(key, d.low, d.high, step=d.step, log=d.log)
    return trial


def join_trial(folder: Path, settings: Search, number: int) -> Trial:
    """Return the trial that this job belongs to, to report its values and to be told when to stop."""
    storage = open_storage(folder)
    # A job chooses nothing, so that it needs no model of the results.
    sampler = optuna.samplers.RandomSampler()
    study = optuna.load_study(study_name=NAME, storage=storage, sampler=sampler, pruner=make_pruner(settings))
    return Trial(study, study.get_trials(deepcopy=False)[number]._trial_id)
