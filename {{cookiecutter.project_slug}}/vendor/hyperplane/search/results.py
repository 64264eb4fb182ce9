"""What a search found: the values that its trials are compared by, their table, and the best."""

import csv
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from loguru import logger
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState

from ..errors import SweepFailed, UserError, with_nearest
from ..settings.search import Search
from ..whole_file import whole_file
from .space import job

TABLE = "trials.csv"
STATES = {  # in the order in which they are counted
    TrialState.COMPLETE: "completed",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
}


def tell(study: Study, settings: Search, trial: Trial, summary: dict[str, Any]) -> None:
    """Tell the study how a trial ended. One that was only interrupted goes on with the next start of the command."""
    status, error = summary["status"], summary.get("error") or ""
    trial.set_user_attr("epochs", summary.get("epochs", 0))
    values = [value_of(name, summary) for name in settings.metric]
    where = " ".join(job([], trial.params))
    if summary.get("pruned"):
        study.tell(trial, state=TrialState.PRUNED)
        logger.info("Trial {}: {}  {}", trial.number, where, error)
    elif status == "interrupted":
        logger.info("Trial {}: {}  {}", trial.number, where, error)
    elif status == "completed" and None not in values:
        found = [value for value in values if value is not None]
        study.tell(trial, found)
        logger.info("Trial {}: {}  {}", trial.number, where, metric_text(settings, found))
    else:
        error = f"{' or '.join(settings.metric)} was not measured, or is not finite" if status == "completed" else error
        trial.set_user_attr("error", error)
        study.tell(trial, state=TrialState.FAIL)
        logger.error("Trial {}: {}  {}", trial.number, where, error)
        unknown = [name for name in settings.metric if name not in {**summary.get("metrics", {}), "parameters": 0}]
        if status == "completed" and unknown:
            known = summary["metrics"]
            says = f"hydra.sweeper.metric={unknown[0]} is not measured by {where}."
            raise UserError(f"{with_nearest(says, unknown[0], known)}\nThese are measured: {', '.join(known)}")


def value_of(name: str, summary: dict[str, Any]) -> float | None:
    """Return a metric of a run, or another number of its summary; None where there is none that is finite."""
    value = summary.get("metrics", {}).get(name, summary.get(name))
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def metric_text(settings: Search, values: Sequence[float]) -> str:
    """Return `val/loss 0.1234`, for each metric."""
    return "  ".join(f"{name} {value:.6g}" for name, value in zip(settings.metric, values, strict=True))


def write_table(study: Study, settings: Search, folder: Path) -> None:
    """Write a row for each trial to `trials.csv`."""
    trials = study.get_trials(deepcopy=False)
    towards = " ".join(direction.name.lower() for direction in study.directions)
    parameters = list(dict.fromkeys(key for trial in trials for key in trial.params))
    with whole_file(folder / TABLE) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["trial", "state", *settings.metric, "direction", "epochs", *parameters, "job", "error"])
        for trial in trials:
            notes = trial.user_attrs
            values = trial.values or [""] * len(settings.metric)
            chosen = [trial.params.get(key, "") for key in parameters]
            ended = [notes.get("job"), notes.get("error")]
            table.writerow([trial.number, STATES[trial.state], *values, towards, notes.get("epochs"), *chosen, *ended])


def report_search(study: Study, settings: Search, fixed: Sequence[str], folder: Path) -> None:
    """Say what is best and how to run it again.

    Raises:
        SweepFailed: some trials failed; names them.
    """
    trials = study.get_trials(deepcopy=False)
    counts = {name: sum(trial.state is state for trial in trials) for state, name in STATES.items()}
    counted = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    if not counts["completed"]:
        logger.warning("{} trials: {}. None ran to its end, so there is no best.", len(trials), counted)
    else:
        best = study.best_trials
        title = f"Best, with the {wanted(study, settings)}" + ", none in everything" * (len(settings.metric) > 1)
        lines = [f"  trial {one.number}: {metric_text(settings, one.values)}   {command(one, fixed)}" for one in best]
        logger.success("{} trials: {}. {}:\n{}", len(trials), counted, title, "\n".join(lines))
        logger.info("All trials: {}   Their report: report {}", folder / TABLE, shlex.quote(str(folder)))
    failed = [trial for trial in trials if trial.state == TrialState.FAIL]
    if failed and counts["completed"] + counts["pruned"] < settings.n_trials:
        reasons = [f"  {command(trial, fixed)}\n    {trial.user_attrs.get('error')}" for trial in failed]
        raise SweepFailed(
            f"{len(failed)} of {len(trials)} trials failed; the same search again tries others in their place:\n"
            + "\n".join(reasons)
        )


def wanted(study: Study, settings: Search) -> str:
    """Return what the search looked for: `lowest val/loss`."""
    words = {StudyDirection.MAXIMIZE: "highest", StudyDirection.MINIMIZE: "lowest"}
    return " and ".join(f"{words[way]} {name}" for way, name in zip(study.directions, settings.metric, strict=True))


def command(trial: FrozenTrial, fixed: Sequence[str]) -> str:
    """Return the command that runs a trial's setting alone."""
    return shlex.join(["train", *job(fixed, trial.params)])
