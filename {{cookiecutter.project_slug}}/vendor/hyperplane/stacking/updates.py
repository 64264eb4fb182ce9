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
    settled: float = 1  # the step from which coefficients do not depend on the step

    def __init__(self, group: Mapping[str, Any]) -> None:
        self.group = group

    def prepare(self, numbers: Sequence[Sequence[Any]], steps: Sequence[int]) -> None:
        """See what members have in common at their next steps."""
        self.count(steps)

    def count(self, steps: Sequence[int]) -> None:
        """Note the steps that members take next, where all else stands."""

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
    settled = math.inf  # 1 where torch's kernel corrects the moments

    def prepare(self, numbers: Sequence[Sequence[Any]], steps: Sequence[int]) -> None:
        """See whether torch's own kernel serves: members agree in all but rates and decays, which are folded out."""
        first = numbers[0]
        self.decays = any(one[3] for one in numbers)
        self.count(steps)
        self.is_common = all(one[1:3] == first[1:3] for one in numbers) and len(set(steps)) == 1
        self.is_same = self.is_common and all(one == first for one in numbers)  # rates and decays as well
        self.common = first
        self.settled = 1 if self.is_common else math.inf

    def count(self, steps: Sequence[int]) -> None:
        """Note how many steps members have taken, which torch's kernel corrects the moments by."""
        self.steps_before = steps[0] - 1

    def coefficients(self, numbers: Sequence[Any], step: int) -> tuple[float, ...]:
        """Return −lr, the decay, 1 − β₁, 1 − β₂, 1 / (1 − β₁ᵗ), √(1 − β₂ᵗ) and ε."""
        lr, (beta1, beta2), eps, weight_decay = numbers
        decay = 1 - lr * weight_decay if self.group["decoupled_weight_decay"] else weight_decay
        return -lr, decay, 1 - beta1, 1 - beta2, 1 / (1 - beta1**step), math.sqrt(1 - beta2**step), eps

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
        minus_lr, decay, gain1, gain2, correction1, correction2, eps = coefficients
        gradient = self.decayed(parameter, gradient, decay)
        mean = buffers["exp_avg"].lerp_(gradient, gain1)
        square = buffers["exp_avg_sq"].lerp_(gradient * gradient, gain2)
        parameter.addcmul_(mean / square.sqrt().div_(correction2).add_(eps), minus_lr * correction1)

    def apply(self, slots: Sequence[Slot]) -> None:
        """Take a step: with torch's kernel where members agree, in all or in all but rates and decays."""
        if not slots or not self.is_common:
            super().apply(slots)
            return
        lr, _, _, weight_decay = self.common
        if self.is_same:
            self.fused(
                slots, [parameter for parameter, *_ in slots], [gradient for _, gradient, *_ in slots], lr, weight_decay
            )
            return
        gradients = [self.decayed(parameter, gradient, c[1]) for parameter, gradient, _, c in slots]
        moves = [torch.zeros_like(parameter) for parameter, *_ in slots]
        self.fused(slots, moves, gradients, 1.0, 0.0)  # from zero at the rate 1: the direction
        for (parameter, _, _, coefficients), move in zip(slots, moves, strict=True):
            parameter.addcmul_(move, coefficients[0], value=-1)

    def fused(
        self, slots: Sequence[Slot], moved: list[Tensor], gradients: list[Tensor], lr: float, decay: float
    ) -> None:
        """Move tensors with torch's kernel, and the moments of `slots` with them."""
        means, squares = ([buffers[name] for _, _, buffers, _ in slots] for name in self.buffers)
        before = torch.full((len(slots),), self.steps_before, dtype=torch.float32, device=moved[0].device)
        _, (beta1, beta2), eps, _ = self.common
        adam(
            moved, gradients, means, squares, [], [*before.unbind()],  # the kernel counts the steps on
            decoupled_weight_decay=self.group["decoupled_weight_decay"],
            fused=True, amsgrad=False, maximize=False,
            lr=lr, beta1=beta1, beta2=beta2, eps=eps, weight_decay=decay,
        )  # fmt: skip


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
