"""Two settings over the seeds that both have: the mean difference, its interval, and which seeds are missing."""

import csv
import io
import math
import re
from dataclasses import dataclass

from ..mistakes import UserMistake, nearest
from .results import Results, Row, numbers_first
from .spelling import find_spelling
from .statistics import Statistic, sign_flip_p_value, summarize


@dataclass(frozen=True)
class Comparison:
    """`first` minus `second` of one metric, seed by seed. `names` tell the two apart, `shared` is what both are."""

    metric: str
    names: tuple[str, str]
    shared: str
    means: tuple[float | None, float | None]  # over the shared seeds
    difference: Statistic
    p_value: float | None
    seeds: tuple[int, ...]
    missing: tuple[tuple[int, ...], tuple[int, ...]]  # seeds that only the other one has


def compare(results: Results, asked: tuple[str, str]) -> list[Comparison]:
    """Compare the rows that `asked` names, such as `("model=mlp", "model=cnn")`, in each metric of `results`.

    Each may name several rows, one on every data set say: then those are compared that agree in all that was not named.

    Raises:
        UserMistake: a name stands for no row, both for the same, or it is not clear which rows belong together.
    """
    words = [parse_settings(text) for text in asked]
    firsts, seconds = (matching(results, wanted, text) for wanted, text in zip(words, asked, strict=True))
    named = words[0].keys() | words[1].keys()
    others = [key for key in results.settings if key not in named]
    if len(firsts) == len(seconds) == 1:
        pairs = [(firsts[0], seconds[0])]
    else:
        pairs = [(a, b) for a in firsts for b in seconds if all(a.settings[key] == b.settings[key] for key in others)]
    if any(a is b for a, b in pairs):
        raise UserMistake(f"--compare {asked[0]!r} {asked[1]!r} name the same runs.")
    if not pairs or len({id(a) for a, _ in pairs}) < len(pairs) or len({id(b) for _, b in pairs}) < len(pairs):
        open_choice = next(text for text, rows in zip(asked, (firsts, seconds), strict=True) if len(rows) > 1)
        raise UserMistake(
            f"--compare {asked[0]!r} {asked[1]!r}: {open_choice} stands for several settings, and it is not clear "
            f"which belong together.\nName more of what differs: {', '.join(others)}"
        )
    return [compare_rows(metric, a, b, asked, others) for a, b in pairs for metric in results.metrics]


def parse_settings(text: str) -> dict[str, str]:
    """`"model=mlp optimizer.lr=0.1"` -> `{"model": "mlp", "optimizer.lr": "0.1"}`."""
    words = re.split(r"\s+(?=[\w./@-]+=)", text.strip())  # a list may hold spaces: [50, 100]
    parts = [word.partition("=") for word in words]
    if not parts or not all(key and equals for key, equals, _ in parts):
        raise UserMistake(f"{text!r} names no setting. Write it like an override: model=mlp optimizer.lr=0.1")
    return {key: value for key, _, value in parts}


def matching(results: Results, wanted: dict[str, str], text: str) -> list[Row]:
    """The rows with these values, which are spelled as in the rows from now on; one that no row has is a mistake."""
    for key, value in wanted.items():
        if key not in results.settings:
            differing = ", ".join(results.settings)
            raise UserMistake(
                f"--compare {text!r}: no column {key}. {nearest(key, results.settings)}\nThe columns: {differing}"
            )
        values = sorted({row.settings[key] for row in results.rows}, key=numbers_first)
        wanted[key] = find_spelling(value, values)
        if wanted[key] not in values:
            listed = ", ".join(values)
            raise UserMistake(
                f"--compare {text!r}: no run has {key}={value}. {nearest(value, values)}\nIts values: {listed}"
            )
    rows = [row for row in results.rows if all(row.settings[key] == value for key, value in wanted.items())]
    if not rows:
        raise UserMistake(f"--compare {text!r}: no run has all of these.")
    return rows


def compare_rows(metric: str, first: Row, second: Row, names: tuple[str, str], others: list[str]) -> Comparison:
    values = [by_seed(row, metric) for row in (first, second)]
    seeds = sorted(values[0].keys() & values[1].keys())
    paired = [[value[seed] for seed in seeds] for value in values]
    differences = tuple(a - b for a, b in zip(*paired, strict=True))
    same = {key: first.settings[key] for key in others if first.settings[key] == second.settings[key]}
    return Comparison(
        metric=metric,
        names=names,
        shared=" ".join(f"{key}={value}" for key, value in same.items()),
        means=(summarize(tuple(paired[0])).mean, summarize(tuple(paired[1])).mean),
        difference=summarize(differences),
        p_value=sign_flip_p_value(differences),
        seeds=tuple(seeds),
        missing=(tuple(sorted(values[1].keys() - seeds)), tuple(sorted(values[0].keys() - seeds))),
    )


def by_seed(row: Row, metric: str) -> dict[int, float]:
    """The metric of each seed's completed run; runs that repeat a seed count once, with their mean."""
    values: dict[int, list[float]] = {}
    for run in row.with_status("completed"):
        if run.seed is not None and math.isfinite(run.metrics.get(metric, math.nan)):
            values.setdefault(run.seed, []).append(run.metrics[metric])
    return {seed: sum(found) / len(found) for seed, found in values.items()}


def csv_of(comparisons: list[Comparison]) -> str:
    """All digits, a line for each comparison."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    means = ("mean_a", "mean_b", "difference", "std", "low", "high", "p_value")
    writer.writerow(["metric", "a", "b", "both", *means, "shared_seeds", "only_a", "only_b"])
    for one in comparisons:
        statistic = one.difference
        figures = (*one.means, statistic.mean, statistic.std, *(statistic.interval or (None, None)), one.p_value)
        seeds = (one.seeds, one.missing[1], one.missing[0])
        writer.writerow([one.metric, *one.names, one.shared, *figures, *(" ".join(map(str, s)) for s in seeds)])
    return text.getvalue()
