"""What an optimizer of a user's own computes the loss of its batch again with: SAM takes two gradients in a step."""

from collections.abc import Callable
from functools import cache
from inspect import signature
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


def takes_closure(optimizer: Optimizer) -> bool:
    """Say whether an optimizer has a step that torch did not write; those of torch, but for L-BFGS, need one gradient.

    Lightning gives a closure to each, before there are gradients: those that ignore it would take no step. A step that
    cannot be given one, `def step(self)`, needs one gradient too.
    """
    return may_compute_again(type(optimizer).step)


@cache
def may_compute_again(step: Callable[..., Any]) -> bool:
    """Say whether torch did not write a step, and it has a parameter for a closure."""
    if step.__module__.startswith("torch.optim"):
        return False
    try:
        signature(step).bind(None, closure=None)  # as Lightning gives it
    except TypeError:
        return False
    return True


class Closure:
    """Returns the loss of a batch and leaves its gradients, as often as it is called.

    The first time both are there already, unless the optimizer has moved the weights or dropped the gradients.

    `loss` is that of the weights as they are, whose gradients are there.
    """

    def __init__(self, compute: Callable[[], Tensor], loss: Tensor, optimizer: Optimizer) -> None:
        self.compute = compute
        self.loss: Tensor | None = loss
        self.weights = [weights for group in optimizer.param_groups for weights in group["params"]]
        self.before = self.versions()

    def versions(self) -> list[tuple[int, int, int]]:
        """Return which weights and gradients there are, and how often each was changed in place."""
        return [(one._version, id(one.grad), -1 if one.grad is None else one.grad._version) for one in self.weights]

    def __call__(self) -> Tensor:
        loss, self.loss = self.loss, None
        if loss is not None and self.versions() == self.before:
            return loss
        with torch.enable_grad():
            return self.compute()
