"""Two settings over the seeds and folds that both have: the mean difference, its interval, and what is missing."""

import csv
import io
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from ..errors import UserError, with_nearest
from .results import Results, Row, fold_name
from .spelling import find_spelling, numbers_first
from .statistics import Statistic, sign_flip_p_value, summarize

Pair = tuple[int, int | None]  # the seed and the fold of two runs that are compared; no fold without cross-validation


@dataclass(frozen=True)
class Comparison:
    """`first` minus `second` of one metric, seed by seed and fold by fold.

    `names` tell the two apart, `shared` is what both are.
    """

    metric: str
    names: tuple[str, str]
    shared: str
    means: tuple[float | None, float | None]  # over the shared pairs
    difference: Statistic
    p_value: float | None
    pairs: tuple[Pair, ...]
    missing: tuple[tuple[Pair, ...], tuple[Pair, ...]]  # pairs that only the other one has

    @property
    def has_folds(self) -> bool:
        """Whether these are folds of a cross-validation."""
        return any(fold is not None for pairs in (self.pairs, *self.missing) for _, fold in pairs)


def compare(results: Results, asked: tuple[str, str]) -> list[Comparison]:
    """Compare the rows that `asked` names, such as `("model=mlp", "model=cnn")`, in each metric of `results`.

    Each may name several rows, one on every data set say: then those are compared that agree in all that was not named.

    Raises:
        UserError: a name stands for no row, both for the same, or it is not clear which rows belong together.
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
        raise UserError(f"--compare {asked[0]!r} {asked[1]!r} name the same runs.")
    if not pairs or len({id(a) for a, _ in pairs}) < len(pairs) or len({id(b) for _, b in pairs}) < len(pairs):
        open_choice = next(text for text, rows in zip(asked, (firsts, seconds), strict=True) if len(rows) > 1)
        raise UserError(
            f"--compare {asked[0]!r} {asked[1]!r}: {open_choice} stands for several settings, and it is not clear "
            f"which belong together.\nName more of what differs: {', '.join(others)}"
        )
    return [compare_rows(metric, a, b, asked, others) for a, b in pairs for metric in results.metrics]


def parse_settings(text: str) -> dict[str, str]:
    """`"model=mlp optimizer.lr=0.1"` -> `{"model": "mlp", "optimizer.lr": "0.1"}`."""
    words = re.split(r"\s+(?=[\w./@-]+=)", text.strip())  # a list may hold spaces: [50, 100]
    parts = [word.partition("=") for word in words]
    if not parts or not all(key and equals for key, equals, _ in parts):
        raise UserError(f"{text!r} names no setting. Write it like an override: model=mlp optimizer.lr=0.1")
    return {key: value for key, _, value in parts}


def matching(results: Results, wanted: dict[str, str], text: str) -> list[Row]:
    """The rows with these values, which are spelled as in the rows from now on; one that no row has is a mistake."""
    for key, value in wanted.items():
        if key not in results.settings:
            differing = ", ".join(results.settings)
            hint = with_nearest(f"--compare {text!r}: no column {key}.", key, results.settings)
            raise UserError(f"{hint}\nThe columns: {differing}")
        values = sorted({row.settings[key] for row in results.rows}, key=numbers_first)
        wanted[key] = find_spelling(value, values)
        if wanted[key] not in values:
            listed = ", ".join(values)
            hint = with_nearest(f"--compare {text!r}: no run has {key}={value}.", value, values)
            raise UserError(f"{hint}\nIts values: {listed}")
    rows = [row for row in results.rows if all(row.settings[key] == value for key, value in wanted.items())]
    if not rows:
        raise UserError(f"--compare {text!r}: no run has all of these.")
    return rows


def compare_rows(metric: str, first: Row, second: Row, names: tuple[str, str], others: list[str]) -> Comparison:
    values = [by_pair(row, metric) for row in (first, second)]
    shared = in_order(values[0].keys() & values[1].keys())
    paired = [[value[pair] for pair in shared] for value in values]
    differences = tuple(a - b for a, b in zip(*paired, strict=True))
    same = {key: first.settings[key] for key in others if first.settings[key] == second.settings[key]}
    return Comparison(
        metric=metric,
        names=names,
        shared=" ".join(f"{key}={value}" for key, value in same.items()),
        means=(summarize(tuple(paired[0])).mean, summarize(tuple(paired[1])).mean),
        difference=summarize(differences),
        p_value=sign_flip_p_value(differences),
        pairs=shared,
        missing=(in_order(values[1].keys() - shared), in_order(values[0].keys() - shared)),
    )


def by_pair(row: Row, metric: str) -> dict[Pair, float]:
    """The metric of each completed run; runs that repeat a seed and a fold count once, with their mean."""
    values: dict[Pair, list[float]] = {}
    for run in row.with_status("completed"):
        if run.seed is not None and math.isfinite(run.metrics.get(metric, math.nan)):
            values.setdefault((run.seed, run.fold), []).append(run.metrics[metric])
    return {pair: sum(found) / len(found) for pair, found in values.items()}


def in_order(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
    return tuple(sorted(pairs, key=lambda pair: (pair[0], -1 if pair[1] is None else pair[1])))


def describe_pairs(pairs: Iterable[Pair]) -> str:
    """`seed 1, 4`, or `fold 0, 2 of seed 1` in a cross-validation."""
    folds: dict[int, list[int]] = {}
    seeds = []
    for seed, fold in pairs:
        if fold is None:
            seeds.append(str(seed))
        else:
            folds.setdefault(seed, []).append(fold)
    named = [f"seed {', '.join(seeds)}"] if seeds else []
    return ", ".join([*named, *(fold_name(seed, *found) for seed, found in folds.items())])


def csv_of(comparisons: list[Comparison]) -> str:
    """All digits, a line for each comparison."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    means = ("mean_a", "mean_b", "difference", "std", "low", "high", "p_value")
    writer.writerow(["metric", "a", "b", "both", *means, "shared", "only_a", "only_b"])
    for one in comparisons:
        statistic = one.difference
        figures = (*one.means, statistic.mean, statistic.std, *(statistic.interval or (None, None)), one.p_value)
        pairs = (one.pairs, one.missing[1], one.missing[0])
        writer.writerow([one.metric, *one.names, one.shared, *figures, *map(as_text, pairs)])
    return text.getvalue()


def as_text(pairs: Iterable[Pair]) -> str:
    """`1 2 3`: the seeds; in a cross-validation `1/0 1/1`: seed and fold."""
    return " ".join(str(seed) if fold is None else f"{seed}/{fold}" for seed, fold in pairs)
