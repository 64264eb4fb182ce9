"""Mean, spread and bootstrap intervals over seeds, and the test of a paired difference.

Intervals are 95 % percentile intervals (Efron 1979) of 10 000 resamples, drawn with a fixed seed, so that the same
runs always give the same interval. Few seeds make them too narrow: of normal values they cover the true mean in 76 %
of all cases with 3 seeds, 82 % with 5, 90 % with 10, 93 % with 20. Two values or fewer get none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 10_000
SEED = 0
FEWEST = 3  # values that an interval is made of
EXACT_UP_TO = 13  # pairs whose 2^n signs are all tried; of more, RESAMPLES are drawn


@dataclass(frozen=True)
class Statistic:
    """Mean, sample standard deviation (n - 1 in the denominator) and 95 % interval of `count` values.

    `mean` is None without values, `std` for fewer than two, `interval` for fewer than three or where one is not finite.
    """

    mean: float | None
    std: float | None
    count: int
    interval: tuple[float, float] | None = None


@cache  # every view of a report asks again
def summarize(values: tuple[float, ...]) -> Statistic:
    """NaN and infinity pass through: a diverged run shows in the mean instead of vanishing."""
    count = len(values)
    if not count:
        return Statistic(None, None, 0)
    mean = sum(values) / count
    if count == 1:
        return Statistic(mean, None, 1)
    std = math.sqrt(sum((x - mean) * (x - mean) for x in values) / (count - 1))
    return Statistic(mean, std, count, bootstrap_interval(values))


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """The 2.5 and 97.5 % quantiles of the mean of `values`, resampled with replacement."""
    if len(values) < FEWEST or not all(map(math.isfinite, values)):
        return None
    import numpy as np

    low, high = np.quantile(resampling(len(values)) @ np.array(values), (0.025, 0.975))
    return float(low), float(high)


@cache  # all settings with as many seeds share their resamples
def resampling(count: int) -> "np.ndarray":
    """Weights (RESAMPLES, count): how often each resample holds each value, over `count`."""
    import numpy as np

    return np.random.default_rng(SEED).multinomial(count, [1 / count] * count, size=RESAMPLES) / count


def sign_flip_p_value(differences: Sequence[float]) -> float | None:
    """Two-sided p-value of the mean of paired differences, if each could as well have had the other sign.

    Exact up to 13 pairs. The smallest value that n pairs can give is 2 / 2^n: 0.25 for three, 0.06 for five.
    None without a pair, or where a difference is not finite.
    """
    count = len(differences)
    if not count or not all(map(math.isfinite, differences)):
        return None
    import numpy as np

    if count <= EXACT_UP_TO:
        signs = 1 - 2 * (np.arange(2**count)[:, None] >> np.arange(count) & 1)
    else:
        drawn = np.random.default_rng(SEED).choice((-1, 1), size=(RESAMPLES, count))
        signs = np.vstack([np.ones((1, count)), drawn])  # the signs as they are count too, so that p is never 0
    means = np.abs(signs @ np.array(differences)) / count
    tolerance = 1e-12 * max(map(abs, differences))  # equal up to rounding is equal
    return float(np.mean(means >= means[0] - tolerance))
