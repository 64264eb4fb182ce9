"""A network that obeys the equation of a damped oscillator; its loss sees no solution. Raissi et al. 2019."""

from typing import Any

import torch
from pydantic import PositiveFloat
from torch import Tensor

from .regression import Regression


class Physics(Regression):
    """Minimises the mean of (u″ + 2γ u′ + ω² u)² / ω⁴ over times, and (u − 1)² + u′² at time 0."""

    def __init__(
        self,
        damping: PositiveFloat,  # γ, in 1/s
        frequency: PositiveFloat,  # ω, in 1/s
        **parts: Any,
    ) -> None:
        super().__init__(**parts)
        self.damping, self.frequency = damping, frequency

    @torch.enable_grad()  # in validation and test too: the loss is made of derivatives
    def step(self, batch: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Return the loss; metrics compare the outputs with the exact solution."""
        times, exact = batch
        t = torch.cat([torch.zeros_like(times[:1]), times]).requires_grad_()  # (1 + B, 1)
        u = self.network(t)
        velocity = slope(u, t)
        residual = slope(velocity, t) + 2 * self.damping * velocity + self.frequency**2 * u
        at_start = (u[0] - 1) ** 2 + velocity[0] ** 2
        return (residual**2).mean() / self.frequency**4 + at_start.sum(), u[1:], exact


def slope(u: Tensor, t: Tensor) -> Tensor:
    """Return du/dt at each time."""
    return torch.autograd.grad(u.sum(), t, create_graph=True)[0]
