"""How the exercises are solved. `make check-labs` holds each against its check."""

from typing import Any

import numpy as np

from exercises import (
    Numbers,
    check_adam_step,
    check_bigrams,
    check_collapsed,
    check_gradient_of_a_line,
    check_hinge_slopes,
    check_kernel_of_a_lift,
    check_lstm_step,
    check_receptive_field,
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


SOLVED: list[tuple[Any, Any]] = [
    (check_gradient_of_a_line, gradient_of_a_line),
    (check_hinge_slopes, hinge_slopes),
    (check_kernel_of_a_lift, kernel_of_a_lift),
    (check_collapsed, collapsed),
    (check_adam_step, adam_step),
    (check_receptive_field, receptive_field),
    (check_lstm_step, lstm_step),
    (check_bigrams, bigrams),
]
