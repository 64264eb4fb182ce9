"""Whether a higher or a lower value of a metric is better: what the runs themselves state in `summary.json`."""

from collections import Counter
from collections.abc import Iterable

from .summaries import ReportedRun


def without_stage(metric: str) -> str:
    """`val/accuracy` -> `accuracy`, `val/night/accuracy` -> `night/accuracy`."""
    return metric.partition("/")[2] or metric


def statements(metric: str, runs: Iterable[ReportedRun]) -> Counter[bool]:
    """How many runs state that a higher value of `metric` is better, and how many that a lower one is.

    A metric is stated by its name without the stage, and without the name of a loader between the two.
    """
    whole, name = without_stage(metric), metric.rpartition("/")[2]
    stated = (run.higher_is_better.get(whole, run.higher_is_better.get(name)) for run in runs)
    return Counter(is_higher for is_higher in stated if is_higher is not None)


def higher_is_better(metric: str, runs: Iterable[ReportedRun]) -> bool | None:
    """Whether a higher value is better; None where no run states it, or where runs disagree."""
    stated = statements(metric, runs)
    return next(iter(stated)) if len(stated) == 1 else None


def why_unknown(metric: str, runs: Iterable[ReportedRun]) -> str:
    """Why `higher_is_better` is None, and what helps; without the full stop."""
    stated = statements(metric, runs)
    if stated:
        return (
            f"runs disagree whether a higher {metric} is better ({stated[True]} say yes, {stated[False]} say no), "
            "so it is not one metric. Look at the runs of each kind alone"
        )
    return (
        f"no run states whether a higher or a lower {metric} is better. "
        "State it with the metric (higher_is_better, see metrics/)"
    )
