"""The checks of the exercises. They tell what is wrong; how it is right stands in solutions.py, so look there last."""

from collections.abc import Callable
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[np.float64]]


def check_gradient_of_a_line(gradient: Callable[[float, float, Numbers, Numbers], tuple[float, float]]) -> None:
    """Lab 1: the slopes of the mean squared error, beside differences of it."""
    random = np.random.default_rng(0)
    z, y = random.normal(size=50), random.normal(size=50)

    def loss(w: float, b: float) -> float:
        return float(np.mean((w * z + b - y) ** 2))

    step = 1e-6
    for w, b in ((0.0, 0.0), (2.0, -1.0)):
        found = np.array(gradient(w, b, z, y), dtype=float)
        assert found.shape == (2,), "it returns two numbers, the slope in w and the slope in b"
        slope_w = (loss(w + step, b) - loss(w - step, b)) / (2 * step)
        slope_b = (loss(w, b + step) - loss(w, b - step)) / (2 * step)
        assert abs(found[0] - slope_w) < 1e-5, f"at w = {w}, b = {b} the slope in w is {slope_w:.4f}, not {found[0]:.4f}"
        assert abs(found[1] - slope_b) < 1e-5, f"at w = {w}, b = {b} the slope in b is {slope_b:.4f}, not {found[1]:.4f}"


def check_hinge_slopes(slopes: Callable[[Numbers, float, Numbers, Numbers], tuple[Numbers, float]]) -> None:
    """Lab 2: the slopes of the mean hinge loss, beside differences of it."""
    random = np.random.default_rng(1)
    x, t = random.normal(size=(40, 3)), random.choice([-1.0, 1.0], size=40)
    w, b, step = random.normal(size=3), 0.3, 1e-6

    def loss(w: Numbers, b: float) -> float:
        return float(np.mean(np.maximum(0, 1 - t * (x @ w + b))))

    in_w, in_b = slopes(w, b, x, t)
    assert np.shape(in_w) == (3,), f"the slope in w has a number for each feature, shape (3,), not {np.shape(in_w)}"
    for i, unit in enumerate(np.eye(3)):
        slope = (loss(w + step * unit, b) - loss(w - step * unit, b)) / (2 * step)
        assert abs(in_w[i] - slope) < 1e-5, f"the slope in w[{i}] is {slope:.4f} here, not {in_w[i]:.4f}"
    slope = (loss(w, b + step) - loss(w, b - step)) / (2 * step)
    assert abs(in_b - slope) < 1e-5, f"the slope in b is {slope:.4f} here, not {in_b:.4f}"


def check_kernel_of_a_lift(kernel: Callable[[Numbers, Numbers], float]) -> None:
    """Lab 3: the kernel of the polynomial lift of degree two, beside the lift itself."""
    root = np.sqrt(2)
    random = np.random.default_rng(2)
    for x, z in random.normal(size=(5, 2, 2)):
        lifts = [np.array([p[0] ** 2, root * p[0] * p[1], p[1] ** 2, root * p[0], root * p[1], 1]) for p in (x, z)]
        product, found = float(lifts[0] @ lifts[1]), float(kernel(x, z))
        assert abs(found - product) < 1e-9, f"φ(x)ᵀφ(z) is {product:.4f} for x = {x.round(2)}, z = {z.round(2)}, not {found:.4f}"


def check_collapsed(collapsed: Callable[[Numbers, Numbers, Numbers, Numbers], tuple[Numbers, Numbers]]) -> None:
    """Lab 4: two linear layers as one, on random inputs."""
    random = np.random.default_rng(3)
    W1, b1, W2, b2 = (random.normal(size=size) for size in ((4, 5), (5,), (5, 2), (2,)))
    W, b = collapsed(W1, b1, W2, b2)
    assert np.shape(W) == (4, 2), f"W maps 4 inputs to 2 outputs, so its shape is (4, 2), not {np.shape(W)}"
    x = random.normal(size=(10, 4))
    assert np.allclose(x @ W, x @ W1 @ W2), "W is not right: which matrix does x meet on its way through both layers?"
    assert np.allclose(x @ W + b, (x @ W1 + b1) @ W2 + b2), "b is not right: the first bias goes through the second layer too"


def check_gini_gain(gain: Callable[[Numbers, Numbers, float], float]) -> None:
    """Lab 10: what a split gains in Gini impurity, beside the mean over pairs of samples that differ."""
    random = np.random.default_rng(10)
    x, t = random.normal(size=60), random.integers(0, 3, size=60)

    def impurity(classes: Any) -> float:
        return float(np.mean(classes[:, None] != classes[None, :])) if len(classes) else 0.0

    for threshold in (-0.5, 0.2, 10.0):
        left = x <= threshold
        right_answer = impurity(t) - left.mean() * impurity(t[left]) - (~left).mean() * impurity(t[~left])
        found = float(gain(x, t, threshold))
        assert np.isfinite(found), "a side without samples has no classes to count: it weighs nothing"
        assert abs(found - right_answer) < 1e-9, f"the split at {threshold} gains {right_answer:.4f} here, not {found:.4f}"


def check_widening(widening: Callable[[Numbers, Numbers, Numbers, float], float]) -> None:
    """Lab 9: by how much a band is widened, or narrowed, until it holds the share that it promises."""
    random = np.random.default_rng(9)
    y = random.normal(size=999)
    for half in (0.5, 3.0):
        low, high = np.full(999, -half), np.full(999, half)
        found = float(widening(low, high, y, 0.8))
        held = np.mean((y >= low - found - 1e-9) & (y <= high + found + 1e-9))
        direction = "be widened" if half < 1 else "be narrowed: a negative number"
        assert (found > 0) == (half < 1), f"the band from {-half} to {half} has to {direction}"
        assert abs(held - 0.8) < 0.003, f"widened by {found:.3f} the band from {-half} to {half} holds {held:.3f}, not 0.8"


def check_vote(vote: Callable[[Any, Any], Any]) -> None:
    """Lab 11: the majority of those guesses that the test favours."""
    random = np.random.default_rng(11)
    guesses, truth = random.integers(0, 2, (201, 100)), random.integers(0, 2, 100)
    found = np.asarray(vote(guesses, truth))
    assert found.shape == (100,), f"one class for each of the 100 rows, shape (100,), not {found.shape}"
    assert set(np.unique(found)) <= {0, 1}, "classes are 0 and 1"
    good = guesses[(guesses == truth).mean(axis=1) > 0.5]
    ties = good.mean(axis=0) == 0.5
    same = found == (good.mean(axis=0) > 0.5)
    assert np.all(same | ties), f"{np.sum(~(same | ties))} rows are not what most of the guesses say that are right for more than half"


def check_power_law(power_law: Callable[[Numbers, Numbers], tuple[float, float]]) -> None:
    """Lab 12: a power law through points, exact ones first, then with noise."""
    n = np.array([100.0, 300.0, 1000.0, 3000.0, 10_000.0])
    found = np.array(power_law(n, 5 * n**-0.3), dtype=float)
    assert found.shape == (2,), "it returns two numbers, a and α"
    assert abs(found[1] - 0.3) < 1e-6, f"through points of 5 n^-0.3 α is 0.3, not {found[1]:.4f} (mind its sign)"
    assert abs(found[0] - 5) < 1e-5, f"through points of 5 n^-0.3 a is 5, not {found[0]:.4f}"
    noisy = 5 * n**-0.3 * np.array([1.05, 0.97, 1.0, 1.02, 0.96])
    slope, height = np.polyfit(np.log(n), np.log(noisy), 1)
    found = np.array(power_law(n, noisy), dtype=float)
    right_answer = np.array([np.exp(height), -slope])
    assert np.allclose(found, right_answer, rtol=1e-6), "with noise: take the straight line of least squares through the logarithms"
