"""Whether a loss still falls at its end is told from luck: synthetic curves, many of each kind."""

import numpy as np
import pytest
from hyperplane.training.trend import FEWEST, trend_of

CURVES = 400
LENGTHS = (10, 20, 50, 200)


def share(curve, length):
    """Return how many of the curves are said to fall."""
    generator = np.random.default_rng(length)
    time = np.arange(length)
    return np.mean([trend_of(curve(time, generator)) is not None for _ in range(CURVES)])


def wandering(time, generator, spread=0.05, memory=0.9):
    """A stationary curve whose neighbours are alike."""
    noise = generator.normal(0, spread * np.sqrt(1 - memory**2), len(time))
    values = [generator.normal(0, spread)]
    for one in noise[1:]:
        values.append(memory * values[-1] + one)
    return 1 + np.array(values)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("spread", [0.001, 0.02, 0.2])
def test_noise_does_not_fall(length, spread):
    assert share(lambda time, generator: 1 + generator.normal(0, spread, len(time)), length) <= 0.01


@pytest.mark.parametrize("length", LENGTHS)
def test_a_curve_that_wanders_rarely_falls(length):
    assert share(wandering, length) <= 0.06


@pytest.mark.parametrize("length", LENGTHS)
def test_a_curve_that_has_converged_does_not_fall(length):
    def converged(time, generator):
        return 0.3 + 2 * np.exp(-10 * time / len(time)) + generator.normal(0, 0.01, len(time))

    assert share(converged, length) <= 0.04


@pytest.mark.parametrize("length", LENGTHS)
def test_a_curve_that_rises_again_does_not_fall(length):
    def overfitted(time, generator):
        done = time / len(time)
        return 0.3 + 2 * np.exp(-8 * done) + 0.5 * done + generator.normal(0, 0.01, len(time))

    assert share(overfitted, length) == 0


@pytest.mark.parametrize("length", (12, 20, 50, 200))
def test_a_curve_that_was_cut_falls(length):
    def cut(time, generator):
        return 0.3 + 2 * np.exp(-2 * time / len(time)) + generator.normal(0, 0.01, len(time))

    assert share(cut, length) >= 0.98


@pytest.mark.parametrize("length", (FEWEST, *LENGTHS))
def test_a_straight_line_is_steady_and_a_bent_one_falls(length):
    done = np.arange(length) / length
    assert trend_of(2.3 - 0.2 * done) == "steady"
    assert trend_of(0.3 + 2 * np.exp(-3 * done)) == "falling"
    assert trend_of(2.3 - 1e-4 * done) is None, "what it would bring is nothing"
    assert trend_of(2.3 - 0.2 * done, constant_rate=False) == "falling"


def test_few_or_broken_values_say_nothing():
    assert trend_of([3.0, 2.0, 1.0]) is None and trend_of([]) is None
    assert trend_of([np.nan, np.inf, 2.0, 1.0]) is None
