"""How `report` and `runs` answer what they were asked wrongly: one message that names the nearest valid word."""

import argparse
import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..errors import UserError, with_nearest
from .summaries import FOLD, ReportedRun

# What says most of a run, by the metric that it is known by, the first that it has: of classes, of forecasts, of values
# in the units of the target (a loss may be of standardised ones), of anything else.
TELLING = {
    "accuracy": ("accuracy", "balanced_accuracy", "auroc"),
    "quantile_loss": ("quantile_loss", "mae", "mase", "coverage"),
    "r2": ("r2", "mae"),
    "mae": ("mae",),
    "loss": ("loss",),
}
DEFAULT_METRICS = [[f"{stage}/{name}" for name in names] for stage in ("test", "val") for names in TELLING.values()]


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises UserError, without the usage lines, and names the option that was meant."""

    def __init__(self, **words: Any) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, **words)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}\nSee {self.prog} --help.")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Name the nearest word where one of a few was asked for."""
        if action.choices is not None and value not in action.choices:
            known = list(map(str, action.choices))
            hint = with_nearest(f"{action.dest} {value} is not known.", value, known)
            raise UserError(f"{hint}\nKnown: {', '.join(known)}")

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is unknown here already, where the options of a subcommand are known."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            known = [option for option in self._option_string_actions if option.startswith("--")]
            word = unknown[0].partition("=")[0]
            hint = with_nearest(f"unknown option {word}.", word, known)
            raise UserError(f"{hint}\nKnown: {', '.join(known)}")
        return options, unknown


def check_known(kind: str, name: str, known: Iterable[str]) -> None:
    """Raise UserError where `name` is not one of `known`: `no run has the metric acuracy. Did you mean accuracy?`"""
    names = list(known)
    if name not in names:
        allowed = ", ".join(names) or "none, as no run got that far"
        raise UserError(with_nearest(f"no run has the {kind} {name}.", name, names) + f"\nKnown: {allowed}")


def not_there(path: Path, kind: str, otherwise: str) -> str:
    """Name what is missing, and the nearest name in the folder that does exist."""
    if path.exists():
        return f"{path} {otherwise}"
    missing = path
    while not missing.parent.is_dir():
        missing = missing.parent
    return with_nearest(f"no {kind} {path}.", str(missing), map(str, missing.parent.iterdir()))


def known_metrics(runs: Iterable[ReportedRun]) -> list[str]:
    return sorted({name for run in runs for name in run.metrics})


def choose_metrics(runs: Sequence[ReportedRun], asked: list[str]) -> list[str]:
    """`asked` without repeats, or else what says most of each run; a metric that no run has is a mistake.

    What a search chose all runs by says most, or else what they were told to choose their weights by.
    """
    known = known_metrics(runs)
    for name in asked:
        check_known("metric", name, known)
    if asked:
        return list(dict.fromkeys(asked))
    searched = [name for name in by_stage(objective(runs)) if name in known][:1]
    told = [] if searched else [name for name in by_stage(monitor(runs)) if name in known][:1]
    most = {*told}  # a run that has one of these is known by it
    for names in DEFAULT_METRICS:
        if any(names[0] in run.metrics and not run.metrics.keys() & most for run in runs):
            told += [name for name in names if name in known]
            most.add(names[0])
    return list(dict.fromkeys([*searched, *told])) or known[:1] or DEFAULT_METRICS[0][:1]


def further_metrics(runs: Sequence[ReportedRun], chosen: Sequence[str], most: int) -> list[str]:
    """At most `most` other metrics of test and validation, in this order; not those of naive models."""
    names = [
        name for name in known_metrics(runs) if name not in chosen and not name.rpartition("/")[2].startswith("naive_")
    ]
    of_stage = {stage: [name for name in names if name.startswith(f"{stage}/")] for stage in ("test", "val")}
    return [*of_stage["test"], *of_stage["val"]][:most]


def monitor(runs: Sequence[ReportedRun]) -> str:
    """What the weights of all runs were chosen by, if it was set."""
    named = {run.settings.get("checkpoint.monitor", "") for run in runs}
    return named.pop() if len(named) == 1 else ""


def objective(runs: Sequence[ReportedRun]) -> str:
    """The metric by which searches compared all runs, as their tables say; empty where it is not one."""
    named = set()
    for folder in {run.folder.parent for run in runs}:
        try:
            with (folder / "trials.csv").open(newline="", encoding="utf-8") as file:
                columns = next(csv.reader(file))
            named.add(" ".join(columns[columns.index("state") + 1 : columns.index("direction")]))
        except (OSError, ValueError, csv.Error, StopIteration):
            return ""
    return named.pop() if len(named) == 1 else ""


def by_stage(metric: str) -> list[str]:
    """`val/x` as `test/x` and `val/x`; nothing for a metric of another stage."""
    stage, _, name = metric.partition("/")
    return [f"test/{name}", f"val/{name}"] if stage == "val" else []


def known_settings(runs: Sequence[ReportedRun]) -> list[str]:
    """What runs can be grouped, filtered and sorted by; seed and fold too, which are no settings otherwise."""
    folds = {FOLD} if any(run.fold is not None for run in runs) else set()
    return sorted({key for run in runs for key in run.settings} | {"seed"} | folds)
