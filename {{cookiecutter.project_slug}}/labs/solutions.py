"""The solutions of the exercises. `make check-labs` tests each with its check."""

from typing import Any

import numpy as np

from exercises import (
    Numbers,
    check_adam_step,
    check_bigrams,
    check_collapsed,
    check_gini_gain,
    check_gradient_of_a_line,
    check_hinge_slopes,
    check_kernel_of_a_lift,
    check_lstm_step,
    check_power_law,
    check_receptive_field,
    check_vote,
    check_widening,
)


def gradient_of_a_line(w: float, b: float, z: Numbers, y: Numbers) -> tuple[float, float]:
    """Lab 1."""
    error = w * z + b - y
    return float(2 * np.mean(error * z)), float(2 * np.mean(error))


def hinge_slopes(w: Numbers, b: float, x: Numbers, t: Numbers) -> tuple[Numbers, float]:
    """Lab 2."""
    counts = t * (x @ w + b) < 1
    return -np.mean((counts * t)[:, None] * x, axis=0), float(-np.mean(counts * t))


def kernel_of_a_lift(x: Numbers, z: Numbers) -> float:
    """Lab 3."""
    return float((x @ z + 1) ** 2)


def collapsed(W1: Numbers, b1: Numbers, W2: Numbers, b2: Numbers) -> tuple[Numbers, Numbers]:
    """Lab 4."""
    return W1 @ W2, b1 @ W2 + b2


def adam_step(
    w: Numbers, g: Numbers, m: Numbers, v: Numbers, t: int, rate: float, beta1: float, beta2: float, eps: float
) -> tuple[Numbers, Numbers, Numbers]:
    """Lab 5."""
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    return w - rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps), m, v


def receptive_field(kernel_sizes: tuple[int, ...], stride: int) -> int:
    """Lab 6."""
    return 1 + sum((size - 1) * stride**layer for layer, size in enumerate(kernel_sizes))


def lstm_step(x: Numbers, h: Numbers, c: Numbers, W: Numbers, U: Numbers, b: Numbers) -> tuple[Numbers, Numbers]:
    """Lab 7."""
    i, f, g, o = np.split(x @ W + h @ U + b, 4)

    def sigmoid(z: Numbers) -> Numbers:
        return 1 / (1 + np.exp(-z))

    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def bigrams(tokens: Any, kinds: int, alpha: float) -> Numbers:
    """Lab 8."""
    single = (np.bincount(tokens, minlength=kinds) + 1) / (len(tokens) + kinds)
    pairs = np.zeros((kinds, kinds))
    np.add.at(pairs, (tokens[:-1], tokens[1:]), 1)
    return (pairs + alpha * single) / (pairs.sum(axis=1, keepdims=True) + alpha)


def widening(low: Numbers, high: Numbers, y: Numbers, share: float) -> float:
    """Lab 9."""
    return float(np.quantile(np.maximum(low - y, y - high), share))


def gini_gain(x: Numbers, t: Numbers, threshold: float) -> float:
    """Lab 10."""

    def weighted(classes: Numbers) -> float:
        if not len(classes):
            return 0.0
        _, counts = np.unique(classes, return_counts=True)
        return float(len(classes) * (1 - np.sum((counts / len(classes)) ** 2)))

    left = x <= threshold
    return (weighted(t) - weighted(t[left]) - weighted(t[~left])) / len(t)


def vote(guesses: Any, truth: Any) -> Any:
    """Lab 11."""
    good = guesses[(guesses == truth).mean(axis=1) > 0.5]
    return (good.mean(axis=0) > 0.5).astype(int)


def power_law(n: Numbers, loss: Numbers) -> tuple[float, float]:
    """Lab 12."""
    slope, height = np.polyfit(np.log(n), np.log(loss), 1)
    return float(np.exp(height)), float(-slope)


SOLVED: list[tuple[Any, Any]] = [
    (check_gradient_of_a_line, gradient_of_a_line),
    (check_hinge_slopes, hinge_slopes),
    (check_kernel_of_a_lift, kernel_of_a_lift),
    (check_collapsed, collapsed),
    (check_adam_step, adam_step),
    (check_receptive_field, receptive_field),
    (check_lstm_step, lstm_step),
    (check_bigrams, bigrams),
    (check_widening, widening),
    (check_gini_gain, gini_gain),
    (check_vote, vote),
    (check_power_law, power_law),
]
