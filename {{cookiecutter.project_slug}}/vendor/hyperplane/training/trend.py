"""Whether a validation loss was still falling when its run ended. Imports no torch.

The noise of the curve is taken from its second differences, so that luck is not taken for a trend: a fall between the
last thirds of its second half has to be five times what their means scatter by, and to lead to the lowest of all, as a
curve that only wanders falls somewhere, too. Then it has to matter: by what as many epochs again would bring, if each
third falls by the same share of the fall before.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FEWEST = 5  # validations: below ten all of them have to fall
ENOUGH_FOR_NOISE = 10
CERTAIN = 5.0  # standard errors
WORTH_IT = 0.05  # of the loss, that as many epochs again would bring
OF_THE_WAY = 0.01  # and of all that the loss has fallen
STEADY = 0.7  # of the fall of the first half: a second half that brings more has hardly begun to bend
FASTER = 10  # times the learning rate

Trend = Literal["falling", "steady"]


def trend_of(losses: Sequence[float], constant_rate: bool = True) -> Trend | None:
    """Return whether a curve falls at its end: `steady` if about as fast as at its start; None: it does not.

    Where the learning rate goes down, losses fall for that reason as well: without a `constant_rate` nothing is called
    steady.
    """
    values = np.array([loss for loss in losses if np.isfinite(loss)])
    if len(values) < FEWEST:
        return None
    width = max(1, (len(values) - len(values) // 2) // 3)
    before, middle, last = (values[len(values) - k * width :][:width].mean() for k in (3, 2, 1))
    error = scatter(values, width)
    if not falls_to_its_lowest(values, width) or not is_certain(values, before - last, error):
        return None
    start, half = values[:width].mean(), values[(len(values) - width) // 2 :][:width].mean()
    if constant_rate and half - last >= STEADY * (start - half) > 0 and FASTER * (half - last) > WORTH_IT * abs(last):
        return "steady"
    kept = min(1.0, (middle - last) / (before - middle))
    gain = max(0.0, middle - last - error) * sum(kept**k for k in range(1, len(values) // width + 1))
    return "falling" if gain > WORTH_IT * abs(last) and gain > OF_THE_WAY * (values[0] - last) else None


def falls_to_its_lowest(values: NDArray[np.float64], width: int) -> bool:
    """Say whether the last means of `width` values fall, one after the other, and to the lowest of all."""
    means = [values[end - width : end].mean() for end in range(len(values), width - 1, -width)]  # the last one first
    return means == sorted(means[:4]) + means[4:] and means[0] <= min(means)


def scatter(values: NDArray[np.float64], width: int) -> float:
    """Return the standard error of the difference of two means of `width` values; of few values it is not known: 0."""
    if len(values) < ENOUGH_FOR_NOISE:
        return 0.0
    bends = np.diff(values, 2)[len(values) // 2 :]  # no trend is left in second differences
    return float(1.4826 * np.median(np.abs(bends)) / np.sqrt(6) * np.sqrt(2 / width))


def is_certain(values: NDArray[np.float64], fall: float, error: float) -> bool:
    """Say whether a fall is more than noise; of few values all have to fall, as those of a smooth curve do."""
    steps = np.diff(values)
    if len(values) >= ENOUGH_FOR_NOISE:
        steps = steps[-(len(steps) // 2 + 1) :]
    return bool((steps < 0).all()) or (len(values) >= ENOUGH_FOR_NOISE and fall > CERTAIN * error)
