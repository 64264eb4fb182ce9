"""A network that obeys the equation of a damped oscillator: the loss sees no solution (Raissi et al. 2019)."""

from typing import Any

import torch
from pydantic import PositiveFloat
from torch import Tensor

from .regression import Regression


class Physics(Regression):
    """Minimises (u″ + 2γ u′ + ω² u)² at the times of a batch, and the error of u(0) = 1, u′(0) = 0."""

    def __init__(
        self,
        *,
        damping: PositiveFloat = 0.5,
        frequency: PositiveFloat = 4.0,
        start_weight: PositiveFloat = 10.0,
        **parts: Any,
    ) -> None:
        super().__init__(**parts)
        self.damping, self.frequency, self.start_weight = damping, frequency, start_weight

    @torch.enable_grad()
    def step(self, batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss, and the outputs beside the exact solution: metrics compare them."""
        times, exact = batch
        t = torch.cat([times.new_zeros(1, 1), times]).requires_grad_()
        u = self.network(t)
        velocity = slope(u, t)
        residual = slope(velocity, t) + 2 * self.damping * velocity + self.frequency**2 * u
        start = (u[0] - 1) ** 2 + velocity[0] ** 2
        loss = (residual**2).mean() / self.frequency**4 + self.start_weight * start.sum()
        return loss, u[1:], exact


def slope(u: Tensor, t: Tensor) -> Tensor:
    """Return du/dt at each time."""
    return torch.autograd.grad(u.sum(), t, create_graph=True)[0]
