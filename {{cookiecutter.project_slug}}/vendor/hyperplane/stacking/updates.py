"""How optimizers move stacked parameters: the equations of torch.optim, with hyper-parameters of their own per member.

Dimensions: M members. A stacked tensor is (M, *shape of a parameter); a coefficient has one number for each member and
is (M, 1, ..., 1).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim.adam import adam

Buffers = Mapping[str, Tensor]
Slot = tuple[Tensor, Tensor, Buffers, Sequence[Tensor]]  # a parameter, its gradient, its buffers, coefficients


class Update:
    """How one class of optimizers moves a parameter of all members.

    Args:
        group: one of the optimizer's `param_groups`. Its flags are the same for all members.
    """

    numbers: ClassVar[tuple[str, ...]]  # keys of a group that are read at every step and may differ between members
    flags: ClassVar[tuple[str, ...]] = ()  # keys that members have to have in common
    unused: ClassVar[tuple[str, ...]] = ("maximize", "differentiable", "capturable")  # keys that must be off
    buffers: ClassVar[tuple[str, ...]]  # what is remembered of each parameter, as torch calls it
    counts: ClassVar[bool] = False  # torch keeps the number of steps with each parameter
    settled: ClassVar[float] = 1  # the step from which coefficients do not depend on the step

    def __init__(self, group: Mapping[str, Any]) -> None:
        self.group = group

    def prepare(self, numbers: Sequence[Sequence[Any]], steps: Sequence[int]) -> None:
        """See what members have in common at their next steps."""

    def coefficients(self, numbers: Sequence[Any], step: int) -> tuple[float, ...]:
        """Return what `move` takes of one member, of its numbers and its step, which counts from 1."""
        raise NotImplementedError

    def apply(self, slots: Sequence[Slot]) -> None:
        """Take a step."""
        for parameter, gradient, buffers, coefficients in slots:
            self.move(parameter, gradient, buffers, *coefficients)

    def move(self, parameter: Tensor, gradient: Tensor, buffers: Buffers, *coefficients: Tensor) -> None:
        """Change a stacked parameter and its buffers in place."""
        raise NotImplementedError

    def saved(self, numbers: Sequence[Any]) -> tuple[str, ...]:
        """Return the buffers that torch keeps for a member with these numbers."""
        return self.buffers


class SGDUpdate(Update):
    """g ← ∇ + λp;  b ← μb + (1 − τ)g, at first b ← g;  p ← p − lr (g + μb with Nesterov, else b)."""

    numbers = ("lr", "momentum", "dampening", "weight_decay")
    flags = ("nesterov",)
    buffers = ("momentum_buffer",)
    settled = 2

    def coefficients(self, numbers: Sequence[Any], step: int) -> tuple[float, ...]:
        """Return −lr, μ, 1 − τ and λ."""
        lr, momentum, dampening, weight_decay = numbers
        return -lr, momentum, 1.0 if step == 1 or not momentum else 1 - dampening, weight_decay

    def move(self, parameter: Tensor, gradient: Tensor, buffers: Buffers, *coefficients: Tensor) -> None:
        """Take a step."""
        minus_lr, momentum, share, weight_decay = coefficients
        gradient = torch.addcmul(gradient, parameter, weight_decay)
        buffer = buffers["momentum_buffer"].mul_(momentum).addcmul_(gradient, share)
        direction = torch.addcmul(gradient, buffer, momentum) if self.group["nesterov"] else buffer
        parameter.addcmul_(direction, minus_lr)

    def saved(self, numbers: Sequence[Any]) -> tuple[str, ...]:
        """Return the buffer of a member with momentum."""
        return self.buffers if numbers[1] else ()


class AdamUpdate(Update):
    """m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  p ← p − lr m̂ / (√v̂ + ε),  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ).

    Adam adds the decay to the gradient, g = ∇ + λp; AdamW takes it off the parameter, p ← (1 − lr λ)p, and g = ∇.
    """

    numbers = ("lr", "betas", "eps", "weight_decay")
    flags = ("decoupled_weight_decay",)
    unused = ("amsgrad", *Update.unused)
    buffers = ("exp_avg", "exp_avg_sq")
    counts = True
    settled = math.inf

    def prepare(self, numbers: Sequence[Sequence[Any]], steps: Sequence[int]) -> None:
        """See whether torch's own kernel serves: members agree in all but rates and decays, which are folded out."""
        self.decays = any(one[3] for one in numbers)
        first = *numbers[0][1:3], steps[0]
        is_common = all((*one[1:3], step) == first for one, step in zip(numbers, steps, strict=True))
        self.common = first[:2] if is_common else None  # β₁ and β₂, ε

    def coefficients(self, numbers: Sequence[Any], step: int) -> tuple[float, ...]:
        """Return −lr, the decay, 1 − β₁, 1 − β₂, 1 / (1 − β₁ᵗ), √(1 − β₂ᵗ), ε and t − 1."""
        lr, (beta1, beta2), eps, weight_decay = numbers
        decay = 1 - lr * weight_decay if self.group["decoupled_weight_decay"] else weight_decay
        corrections = 1 / (1 - beta1**step), math.sqrt(1 - beta2**step)
        return -lr, decay, 1 - beta1, 1 - beta2, *corrections, eps, step - 1

    def decayed(self, parameter: Tensor, gradient: Tensor, decay: Tensor) -> Tensor:
        """Take the decay off the parameter, or return the gradient with the decay added to it."""
        if not self.decays:
            return gradient
        if not self.group["decoupled_weight_decay"]:
            return torch.addcmul(gradient, parameter, decay)
        parameter.mul_(decay)
        return gradient

    def move(self, parameter: Tensor, gradient: Tensor, buffers: Buffers, *coefficients: Tensor) -> None:
        """Take a step."""
        minus_lr, decay, gain1, gain2, correction1, correction2, eps, _ = coefficients
        gradient = self.decayed(parameter, gradient, decay)
        mean = buffers["exp_avg"].lerp_(gradient, gain1)
        square = buffers["exp_avg_sq"].lerp_(gradient * gradient, gain2)
        parameter.addcmul_(mean / square.sqrt().div_(correction2).add_(eps), minus_lr * correction1)

    def apply(self, slots: Sequence[Slot]) -> None:
        """Take a step: with torch's kernel at the rate 1 from zero, for the direction; then each at its own rate."""
        if self.common is None or not slots:
            super().apply(slots)
            return
        betas, eps = self.common
        gradients = [self.decayed(parameter, gradient, c[1]) for parameter, gradient, _, c in slots]
        moves = [torch.zeros_like(parameter) for parameter, *_ in slots]
        means, squares = ([buffers[name] for _, _, buffers, _ in slots] for name in self.buffers)
        count = slots[0][3][-1].flatten()[0]
        steps = [*count.expand(len(slots)).to(torch.float32, copy=True).unbind()]  # the kernel counts them on
        adam(
            moves, gradients, means, squares, [], steps,
            fused=True, amsgrad=False, maximize=False,
            lr=1.0, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=0.0,
        )  # fmt: skip
        for (parameter, _, _, coefficients), move in zip(slots, moves, strict=True):
            parameter.addcmul_(move, coefficients[0], value=-1)


class RMSpropUpdate(Update):
    """v ← αv + (1 − α)g²,  b ← μb + g / (√v + ε),  p ← p − lr b,  g = ∇ + λp;  centered: √(v − m²), m the mean of g."""

    numbers = ("lr", "alpha", "eps", "weight_decay", "momentum")
    flags = ("centered",)
    buffers = ("square_avg", "momentum_buffer", "grad_avg")
    counts = True

    def coefficients(self, numbers: Sequence[Any], step: int) -> tuple[float, ...]:
        """Return −lr, 1 − α, ε, λ and μ."""
        lr, alpha, eps, weight_decay, momentum = numbers
        return -lr, 1 - alpha, eps, weight_decay, momentum

    def move(self, parameter: Tensor, gradient: Tensor, buffers: Buffers, *coefficients: Tensor) -> None:
        """Take a step."""
        minus_lr, gain, eps, weight_decay, momentum = coefficients
        gradient = torch.addcmul(gradient, parameter, weight_decay)
        variance = buffers["square_avg"].lerp_(gradient * gradient, gain)
        if self.group["centered"]:
            mean = buffers["grad_avg"].lerp_(gradient, gain)
            variance = variance - mean * mean
        buffer = buffers["momentum_buffer"].mul_(momentum).add_(gradient / variance.sqrt().add_(eps))
        parameter.addcmul_(buffer, minus_lr)

    def saved(self, numbers: Sequence[Any]) -> tuple[str, ...]:
        """Return the buffers of a member with or without momentum, centered or not."""
        momentum = ("momentum_buffer",) if numbers[4] > 0 else ()
        return ("square_avg", *momentum, *(("grad_avg",) if self.group["centered"] else ()))
