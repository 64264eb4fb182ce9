"""Sequential minimal optimization: solves the dual of the support vector machine, two coefficients at a time.

    max W = Σ αᵢ − ½ ΣΣ αᵢ αⱼ yᵢ yⱼ K(xᵢ, xⱼ),   0 ≤ αᵢ ≤ Cᵢ,   Σ αᵢ yᵢ = 0,   yᵢ = ±1

Written for βᵢ = yᵢ αᵢ, the kernel matrix K and the errors e = y − K β, the gradient of W, this is

    max W = ½ βᵀ(y + e),   min(0, yᵢ Cᵢ) ≤ βᵢ ≤ max(0, yᵢ Cᵢ),   Σ βᵢ = 0

A step raises βᵢ and lowers βⱼ by the same amount. Of the coefficients that can rise, i has the largest error; of those
that can fall, j promises the largest gain, (eᵢ − eⱼ)² / (Kᵢᵢ + Kⱼⱼ − 2 Kᵢⱼ). At the maximum, no error of a coefficient
that can rise exceeds that of one that can fall; the bias b lies between the two.

Source: Fan, Chen & Lin 2005, "Working Set Selection Using Second Order Information for Training Support Vector
Machines", https://www.jmlr.org/papers/v6/fan05a.html, algorithm 2.

Dimensions: N samples of two classes.
"""

from typing import NamedTuple

import torch
from loguru import logger
from torch import Tensor

SMALLEST_CURVATURE = 1e-12  # of W along a step, where two samples coincide


class Solution(NamedTuple):
    """The maximum of the dual; f(x) = Σ βᵢ K(xᵢ, x) + b."""

    beta: Tensor  # (N,) float64, y α
    bias: float
    objective: float  # W


def solve_dual(K: Tensor, y: Tensor, C: Tensor, tolerance: float, max_iterations: int) -> Solution:
    """Return the coefficients that maximise the dual.

    Args:
        K: (N, N) kernel matrix, float64.
        y: (N,) class of each sample, ±1, float64; both occur.
        C: (N,) upper bound of each α, float64.
        tolerance: > 0, largest optimality gap at the end, in units of f.
        max_iterations: > 0, steps; if they do not suffice, a warning states the gap that is left.
    """
    lower, upper = (y * C).clamp(max=0), (y * C).clamp(min=0)
    beta, errors, diagonal = torch.zeros_like(y), y.clone(), K.diagonal()
    for _ in range(max_iterations):
        rising = errors.masked_fill(beta >= upper, -torch.inf)
        falling = errors.masked_fill(beta <= lower, torch.inf)
        i = int(rising.argmax())
        gap = float(rising[i] - falling.min())
        if gap <= tolerance:
            break
        curvature = (K[i, i] + diagonal - 2 * K[i]).clamp(min=SMALLEST_CURVATURE)
        gain = (errors[i] - falling).clamp(min=0).square() / curvature
        j = int(gain.argmax())
        room, stock = float(upper[i] - beta[i]), float(beta[j] - lower[j])
        step = min(float((errors[i] - errors[j]) / curvature[j]), room, stock)
        # Exactly the bound if it is reached: rounding must not leave the coefficient a little inside.
        beta[i] = upper[i] if step == room else beta[i] + step
        beta[j] = lower[j] if step == stock else beta[j] - step
        errors -= step * (K[i] - K[j])
    else:
        logger.warning(
            "model.max_iterations={} were not enough: the optimality gap is {:.2g}, model.tolerance={}. "
            "Standardise the data (data.standardize=true), choose a smaller C, or allow more iterations.",
            max_iterations,
            gap,
            tolerance,
        )
    free = (beta > lower) & (beta < upper)
    between = (errors[beta < upper].max() + errors[beta > lower].min()) / 2
    bias = errors[free].mean() if free.any() else between
    return Solution(beta, float(bias), float(beta @ (y + errors)) / 2)
