"""How the exercises are solved. `make check-labs` holds each against its check."""

from typing import Any

import numpy as np

from exercises import Numbers, check_gradient_of_a_line


def gradient_of_a_line(w: float, b: float, z: Numbers, y: Numbers) -> tuple[float, float]:
    """Lab 1."""
    error = w * z + b - y
    return float(2 * np.mean(error * z)), float(2 * np.mean(error))


SOLVED: list[tuple[Any, Any]] = [(check_gradient_of_a_line, gradient_of_a_line)]
