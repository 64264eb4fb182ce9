"""The study of a search: what Optuna knows of its trials, and how it chooses the next."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState
from pydantic import ValidationError

from ..errors import UserError
from ..settings.search import Direction, Search
from ..validation import problems_of
from .journal import open_journal
from .space import Space, described

NAME = "search"  # of the only study in the journal
ANSWERED = (TrialState.COMPLETE, TrialState.PRUNED)
NOT_SETTINGS = {"_target_", "_recursive_", "params"}  # of hydra.sweeper: what only Hydra and the search use


def read_settings(sweeper: DictConfig) -> Search:
    """Return the settings that `hydra.sweeper` holds."""
    given: Any = OmegaConf.to_container(sweeper, resolve=True)
    values = {key: value for key, value in given.items() if key not in NOT_SETTINGS}
    try:
        return Search.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(problems_of(error, Search, values, ("hydra", "sweeper")))) from None


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


def open_study(
    folder: Path, settings: Search, directions: Sequence[Direction], space: Space, fixed: Sequence[str]
) -> optuna.Study:
    """Return the study in `folder`, a new one or the one that was begun there.

    Raises:
        UserError: the one that was begun there asks another question.
    """
    question = {
        "metric": list(settings.metric),
        "direction": list(directions),
        "settings of all trials": sorted(fixed),
        **{key: described(distribution) for key, distribution in space.items()},
    }
    storage = open_journal(folder)
    if NAME in optuna.get_all_study_names(storage):
        study = optuna.load_study(study_name=NAME, storage=storage, pruner=make_pruner(settings))
        if study.user_attrs.get("question") == question:
            return study
        if study.get_trials(deepcopy=False, states=(*ANSWERED, TrialState.RUNNING)):
            raise UserError(says_what_changed(folder, study.user_attrs.get("question", {}), question))
        optuna.delete_study(study_name=NAME, storage=storage)  # nothing is lost
    study = optuna.create_study(study_name=NAME, storage=storage, directions=directions, pruner=make_pruner(settings))
    study.set_user_attr("question", question)
    return study


def says_what_changed(folder: Path, begun: dict[str, Any], asked: dict[str, Any]) -> str:
    """Return the sentence for a search that is another one than that in `folder`."""
    changes = [
        f"  {key}: {begun.get(key, 'not searched')} then, {asked.get(key, 'not searched')} now"
        for key in begun | asked
        if begun.get(key) != asked.get(key)
    ]
    return "\n".join(
        [
            f"{folder} holds another search, and its results cannot be compared with those of this one:",
            *changes,
            "Give this one a name of its own with sweep=..., or ask as before. "
            "You may change n_trials, n_jobs, the sampler, the pruner and the launcher.",
        ]
    )


def make_pruner(settings: Search) -> optuna.pruners.BasePruner:
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
    found = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.sampler = make_sampler(settings, trial.number)  # a kill may have left it without some of its values
        begun = Trial(study, trial._trial_id)
        for key, distribution in space.items():  # what it has is drawn again: the rest comes out as without the kill
            if key in trial.params and key not in begun.relative_params and not distribution.single():
                study.sampler.sample_independent(study, trial, key, distribution)
        found.append(with_values(begun, space))
    return found


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


def join_trial(folder: Path, settings: Search, job: str) -> Trial:
    """Return the trial that a job belongs to, to report its values and to be told when to stop.

    `job` is the name of its folder. Of several trials with the same values, the first that has no result is meant.
    """
    storage = open_journal(folder)
    # A job chooses nothing, so that it needs no model of the results.
    sampler = optuna.samplers.RandomSampler()
    study = optuna.load_study(study_name=NAME, storage=storage, sampler=sampler, pruner=make_pruner(settings))
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.user_attrs.get("job") == job]
    return Trial(study, min(trials, key=lambda trial: trial.state is not TrialState.RUNNING)._trial_id)
