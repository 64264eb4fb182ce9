"""Kernels: inner products K(x, z) of two samples in the space that the kernel maps them to.

    rbf          exp(−γ ‖x − z‖²)
    linear       xᵀz
    polynomial   (γ xᵀz + c)^d

Source: Boser, Guyon & Vapnik 1992, "A Training Algorithm for Optimal Margin Classifiers".
"""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Kernel:
    """A kernel with its parameters.

    Args:
        name: rbf, linear or polynomial.
        gamma: γ > 0.
        degree: d ≥ 1, of the polynomial.
        coef0: c, of the polynomial.
    """

    name: str
    gamma: float
    degree: int
    coef0: float

    def __call__(self, x: Tensor, z: Tensor) -> Tensor:
        """Return the kernel matrix (N, M) of samples (N, D) and (M, D)."""
        products = x @ z.T
        if self.name == "linear":
            return products
        if self.name == "polynomial":
            return products.mul_(self.gamma).add_(self.coef0).pow_(self.degree)
        # ‖x − z‖² = ‖x‖² + ‖z‖² − 2 xᵀz, in place: for many samples this matrix is most of the memory.
        distances = products.mul_(-2).add_(x.square().sum(1, keepdim=True)).add_(z.square().sum(1))
        return distances.clamp_(min=0).mul_(-self.gamma).exp_()


def scale_gamma(x: Tensor) -> float:
    """Return γ = 1 / (D · variance of all entries) for samples (N, D), as scikit-learn's gamma="scale"."""
    variance = float(torch.var(x, correction=0))
    return 1 / (x.shape[1] * variance) if variance > 0 else 1.0
