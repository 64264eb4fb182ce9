"""Lion, Chen et al. 2023: steps of one size along the sign of a mean of the gradients."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from pydantic import PositiveFloat


class Lion(torch.optim.Optimizer):
    """W ← W − lr (sign(β₁ m + (1 − β₁) ∇) + λ W),  m ← β₂ m + (1 − β₂) ∇."""

    def __init__(
        self,
        params: Iterable[Any],
        lr: PositiveFloat = 1e-4,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = closure() if closure is not None else None
        for group in self.param_groups:
            for weights in group["params"]:
                if weights.grad is None:
                    continue
                mean = self.state[weights].setdefault("mean", torch.zeros_like(weights))
                step = mean.lerp(weights.grad, 1 - group["betas"][0]).sign()
                weights.sub_(group["lr"] * (step + group["weight_decay"] * weights))
                mean.lerp_(weights.grad, 1 - group["betas"][1])
        return loss
