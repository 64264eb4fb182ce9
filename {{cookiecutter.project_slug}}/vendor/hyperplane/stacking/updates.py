"""How optimizers move stacked parameters: the equations of torch.optim, with hyper-parameters of their own per member.

Dimensions: M members. A stacked tensor is (M, *shape of a parameter); a coefficient has one number for each member and
is (M, 1, ..., 1).
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

Buffers = Mapping[str, Tensor]


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

    def coefficients(self, numbers: Sequence[Any], step: int) -> tuple[float, ...]:
        """Return what `move` takes of one member, of its numbers and its step, which counts from 1."""
        raise NotImplementedError

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

    def coefficients(self, numbers: Sequence[Any], step: int) -> tuple[float, ...]:
        """Return the decay, 1 − β₁, 1 − β₂, −lr / (1 − β₁ᵗ), √(1 − β₂ᵗ) and ε."""
        lr, (beta1, beta2), eps, weight_decay = numbers
        decay = 1 - lr * weight_decay if self.group["decoupled_weight_decay"] else weight_decay
        return decay, 1 - beta1, 1 - beta2, -lr / (1 - beta1**step), math.sqrt(1 - beta2**step), eps

    def decayed(self, parameter: Tensor, gradient: Tensor, decay: Tensor) -> Tensor:
        """Take the decay off the parameter, or return the gradient with the decay added to it."""
        if not self.group["decoupled_weight_decay"]:
            return torch.addcmul(gradient, parameter, decay)
        parameter.mul_(decay)
        return gradient

    def move(self, parameter: Tensor, gradient: Tensor, buffers: Buffers, *coefficients: Tensor) -> None:
        """Take a step."""
        decay, gain1, gain2, rate, correction, eps = coefficients
        gradient = self.decayed(parameter, gradient, decay)
        mean = buffers["exp_avg"].lerp_(gradient, gain1)
        square = buffers["exp_avg_sq"].lerp_(gradient * gradient, gain2)
        parameter.addcmul_(mean / square.sqrt().div_(correction).add_(eps), rate)


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


class MuonUpdate(Update):
    """m ← μm + (1 − μ)∇,  p ← (1 − lr λ)p − lr s · UVᵀ,  USVᵀ = (1 − μ)∇ + μm with Nesterov, else m.

    s makes the step's size that of another optimizer, by the shape of the matrix.
    """

    numbers = ("lr", "weight_decay", "momentum")
    flags = ("nesterov", "ns_coefficients", "eps", "ns_steps", "adjust_lr_fn")
    unused = ()
    buffers = ("momentum_buffer",)

    def coefficients(self, numbers: Sequence[Any], step: int) -> tuple[float, ...]:
        """Return −lr, 1 − lr λ, μ and 1 − μ."""
        lr, weight_decay, momentum = numbers
        return -lr, 1 - lr * weight_decay, momentum, 1 - momentum

    def move(self, parameter: Tensor, gradient: Tensor, buffers: Buffers, *coefficients: Tensor) -> None:
        """Take a step."""
        minus_lr, decay, momentum, gain = coefficients
        buffer = buffers["momentum_buffer"].lerp_(gradient, gain)
        matrix = torch.lerp(gradient, buffer, momentum) if self.group["nesterov"] else buffer
        parameter.mul_(decay).addcmul_(self.orthogonal(matrix).to(parameter.dtype), minus_lr * self.size(parameter))

    def size(self, parameter: Tensor) -> float:
        """Return s."""
        rows, columns = parameter.shape[1:]
        if self.group["adjust_lr_fn"] == "match_rms_adamw":
            return 0.2 * math.sqrt(max(rows, columns))
        return math.sqrt(max(1, rows / columns))

    def orthogonal(self, matrices: Tensor) -> Tensor:
        """Return about UVᵀ of matrices (M, rows, columns).

        All at once is up to 30 times as fast as one by one, but may round a rare entry otherwise in the last bit of
        bfloat16. In float64, where a member is to be that of a run alone, they are taken one by one.
        """
        if matrices.dtype is torch.float64:
            return torch.stack([self.newton_schulz(matrix) for matrix in matrices])
        return self.newton_schulz(matrices)

    def newton_schulz(self, matrices: Tensor) -> Tensor:
        """Return about UVᵀ of matrices (..., rows, columns), in bfloat16 as torch does it."""
        a, b, c = self.group["ns_coefficients"]
        add_product = torch.addmm if matrices.dim() == 2 else torch.baddbmm
        x = matrices.bfloat16()
        if is_tall := x.size(-2) > x.size(-1):
            x = x.mT
        norm = x.norm() if x.dim() == 2 else x.norm(dim=(1, 2), keepdim=True)
        x = x / norm.clamp(min=self.group["eps"])
        for _ in range(self.group["ns_steps"]):
            gram = x @ x.mT
            x = add_product(x, add_product(gram, gram, gram, beta=b, alpha=c), x, beta=a)
        return x.mT if is_tall else x


UPDATES: dict[type[Optimizer], type[Update]] = {
    SGD: SGDUpdate,
    Adam: AdamUpdate,
    AdamW: AdamUpdate,
    RMSprop: RMSpropUpdate,
}
if hasattr(torch.optim, "Muon"):
    UPDATES[torch.optim.Muon] = MuonUpdate
