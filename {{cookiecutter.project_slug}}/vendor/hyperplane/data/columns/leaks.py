"""Columns that predict a target almost alone: what was known only afterwards, such as the date of a refund.

Each column has a rule of its own, learned on one half of some training rows and tried on the other, and the other way
round: a class, or a label, is that of the row with the nearest value, a number lies on the line between the nearest
two, or on the straight line through all, whichever is better. A missing value is a value of its own. Its score is the
accuracy or R²; a column is pointed at above 0.99, where at least one other column stays below that.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import override
from ..lazy_polars import pl
from .values import as_numbers, as_text, is_text, listed

ENOUGH = 0.99  # score of a column that is pointed at
FEWEST, MOST = 40, 4_000  # rows that are looked at


def point_at_leaks(features: "pl.DataFrame", targets: NDArray[Any], names: Sequence[str]) -> None:
    """Warn of columns that predict a target almost alone.

    Targets are class numbers (samples,), or labels or values (samples, K).
    """
    if features.height < FEWEST or features.width < 2:
        return
    # Spread over all rows: a sorted table would otherwise be seen in part
    rows = np.unique(np.linspace(0, features.height - 1, min(MOST, features.height)).astype(np.int64))
    rows = np.random.default_rng(0).permutation(rows)
    columns = {series.name: as_places(series) for series in features[rows]}
    values = targets[rows].reshape(len(rows), -1)
    for name, target in zip(names, values.T, strict=True):
        scores = {column: score(places, target, targets.ndim == 1) for column, places in columns.items()}
        enough = enough_for(target, targets.ndim == 1)
        found = [column for column in sorted(scores, key=lambda one: -scores[one]) if scores[column] > enough]
        if found and len(found) < len(scores):
            measure = "accuracy" if is_class(target, targets.ndim == 1) else "R²"
            best = max(value for column, value in scores.items() if column not in found)
            logger.warning(
                "{} {} {} almost alone: {} {:.3f} in the training rows, the best other column {:.3f}. If it is not "
                "known at prediction time, leave it out: {}",
                listed(found, 5),
                "predicts" if len(found) == 1 else "each predict",
                name,
                measure,
                scores[found[0]],
                best,
                override("data.ignore", *found),
            )


def is_class(target: NDArray[Any], is_number: bool) -> bool:
    """Say whether a target holds class numbers, or the 0 and 1 of a label."""
    return is_number or set(np.unique(target)) <= {0, 1}


def enough_for(target: NDArray[Any], is_number: bool) -> float:
    """Return the score that is nearly all; where a class is frequent, a tenth of what naming it always gets wrong."""
    if not is_class(target, is_number):
        return ENOUGH
    most = np.unique(target, return_counts=True)[1].max() / len(target)
    return max(ENOUGH, 1 - (1 - most) / 10)


def as_places(series: "pl.Series") -> NDArray[np.float64]:
    """Return the values as numbers, texts as those of their order; missing ones lie below all others."""
    if is_text(series):
        return as_text(series).rank("dense").fill_null(0).to_numpy().astype(np.float64)
    values = as_numbers(series)
    present = np.isfinite(values)
    if present.all() or not present.any():
        return np.nan_to_num(values)
    low, high = values[present].min(), values[present].max()
    return np.where(present, values, low - max(high - low, 1.0))


def score(places: NDArray[np.float64], target: NDArray[Any], is_number: bool) -> float:
    """Return the accuracy or R² that the rule of a column has on rows that it was not learned on."""
    half = len(places) // 2
    first, second = slice(None, half), slice(half, None)
    if is_class(target, is_number):
        right = [target[b] == target[a][nearest(places[a], places[b])] for a, b in ((first, second), (second, first))]
        return float(np.concatenate(right).mean())
    target = target.astype(np.float64)
    spread = float(np.var(target))
    if not spread:
        return 0.0
    errors = [
        [target[b] - rule(places[a], target[a], places[b]) for a, b in ((first, second), (second, first))]
        for rule in (between, line)
    ]
    return max(1 - float(np.mean(np.concatenate(one) ** 2)) / spread for one in errors)


def nearest(known: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the position in `known` of the value that is nearest to each that is asked."""
    order = np.argsort(known, kind="stable")
    ranked = known[order]
    right = np.clip(np.searchsorted(ranked, asked), 1, len(ranked) - 1)
    is_left = asked - ranked[right - 1] <= ranked[right] - asked
    return order[np.where(is_left, right - 1, right)]


def between(known: NDArray[np.float64], target: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what lies between the nearest two values; of rows with the same value their mean."""
    values, groups = np.unique(known, return_inverse=True)
    return np.interp(asked, values, np.bincount(groups, target) / np.bincount(groups))


def line(known: NDArray[np.float64], target: NDArray[np.float64], asked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the straight line through all rows, by least squares."""
    centred = known - known.mean()
    spread = float(centred @ centred)
    slope = float(centred @ (target - target.mean())) / spread if spread else 0.0
    return target.mean() + slope * (asked - known.mean())
