"""Ridge regression in closed form: it chooses, before anything is trained, how much penalty the data ask for.

    W = argmin ‖Y − b − XW‖² + λ ‖W‖² = V (S + λ)⁻¹ Vᵀ XᵀY,    XᵀX = V S Vᵀ,    columns of X and Y with mean 0

The best λ is a variance of noise over one of weights, so a part of the samples tells it about as well as all do. But a
single sample far from all others would rule a small part, so it is as many as take no time.
Source: Hoerl & Kennard 1970, "Ridge Regression". Dimensions: N samples, D columns, K targets, R rank of X.
"""

from typing import NamedTuple

import torch
from torch import Tensor

LAMBDAS = tuple(10.0 ** (half / 2) for half in range(10, -13, -1))  # from 100,000 down to 0.000,001
MOST_VALUES = 5_000_000  # that leave-one-out looks at, in samples spread over all: about a second
MOST_SAMPLES = 1_000  # with more columns than that: eigenvectors of samples take the cube of their number
FEWEST_SAMPLES = 5
AS_GOOD = 1.01  # times the least error: with more columns than samples the largest λ within it is taken
LEAST = 1e-12  # of the largest eigenvalue: what is smaller is rounding


class Ridge(NamedTuple):
    """The regressions of Y on X with any λ."""

    mean: Tensor  # (D,), of X
    intercept: Tensor  # (K,), the mean of Y
    basis: Tensor  # (D, R), V
    squares: Tensor  # (R,), S
    targets: Tensor  # (R, K), VᵀXᵀY

    @classmethod
    def fit(cls, x: Tensor, y: Tensor) -> "Ridge":
        """Take samples (N, D) and their targets (N, K), both of float64."""
        mean, intercept = x.mean(dim=0), y.mean(dim=0)
        centred = x - mean
        is_wide = x.shape[1] > len(x)
        squares, vectors = torch.linalg.eigh(centred @ centred.T if is_wide else centred.T @ centred)
        kept = squares > LEAST * squares[-1:].clamp(min=torch.finfo(x.dtype).tiny)
        squares, vectors = squares[kept], vectors[:, kept]
        basis = centred.T @ vectors / squares.sqrt() if is_wide else vectors
        return cls(mean, intercept, basis, squares, basis.T @ (centred.T @ (y - intercept)))

    def coordinates(self, x: Tensor) -> Tensor:
        """Return xV (N, R) of samples (N, D), less the mean."""
        return (x - self.mean) @ self.basis

    def predict(self, z: Tensor, penalty: float) -> Tensor:
        """Return the predictions (N, K) for coordinates (N, R) with λ = `penalty`."""
        return self.intercept + z @ (self.targets / (self.squares + penalty)[:, None])


def leave_one_out(inputs: Tensor, targets: Tensor) -> float | None:
    """Return the λ with which ridge regression predicts best each sample that the others are fitted to.

    In closed form the error of a sample that is left out is its residual over 1 − h, with its leverage
    h = 1 / N + Σᵣ zᵣ² / (Sᵣ + λ), z = xV. Both are close to 0 with many columns.
    Source: Golub, Heath & Wahba 1979, "Generalized Cross-Validation".

    Where there are at least as many columns as samples, small λ are all alike: each fits the samples, of which ridge
    regression takes the smallest weights. Steps of a gradient would keep what they began with, as hardly anything pulls
    it to 0. So it is the largest λ whose error is within a hundredth of the least.

    Inputs are (N, ...), as a network takes them, targets (N, K).

    Returns:
        λ; None where samples are too few, too large or not finite.
    """
    columns = inputs[:1].numel()
    most = MOST_VALUES // max(1, columns + targets[:1].numel())
    if columns > MOST_SAMPLES:
        most = min(most, MOST_SAMPLES)
    if min(most, len(inputs)) < FEWEST_SAMPLES:
        return None
    step = -(-len(inputs) // most)
    x, y = inputs[::step].flatten(1).double(), targets[::step].double()
    if not (x.isfinite().all() and y.isfinite().all()):
        return None
    ridge = Ridge.fit(x, y)
    z = ridge.coordinates(x)
    squares = z.square()

    def error(penalty: float) -> float:
        leverage = 1 / len(x) + squares @ (1 / (ridge.squares + penalty))
        residuals = y - ridge.predict(z, penalty)
        return float((residuals / (1 - leverage).clamp(min=torch.finfo(x.dtype).eps)[:, None]).square().mean())

    errors = {penalty: error(penalty) for penalty in LAMBDAS}
    least = min(errors.values())
    if len(inputs) <= x.shape[1]:
        return max(penalty for penalty in LAMBDAS if errors[penalty] <= AS_GOOD * least)
    return min(LAMBDAS, key=errors.__getitem__)
