"""Muon and AdamW as one optimizer for a whole network."""

from collections.abc import Callable, Iterable
from typing import Annotated, Any

import torch
from hyperplane import UserError
from hyperplane.setting_types import Betas, ProperFraction
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor
from torch.optim import AdamW, Optimizer


class Muon(Optimizer):
    """Muon for the matrices of hidden layers, AdamW for all other parameters, with one learning rate for both.

        m ← μm + (1 − μ)∇,  W ← (1 − lr λ)W − 0.2 lr √max(rows, columns) · UVᵀ,  USVᵀ = (1 − μ)∇ + μm

    UVᵀ, the nearest orthogonal matrix, moves all directions equally; a few Newton-Schulz steps approximate it. The
    factor gives the step the size of AdamW's. AdamW updates the last matrix (which makes the outputs), biases and
    convolutions. Sources: Jordan 2024, https://kellerjordan.github.io/posts/muon; Liu et al. 2025,
    https://arxiv.org/abs/2502.16982.

    Raises:
        UserError: torch has no Muon, or the network has no hidden layer that is a matrix.
    """

    needs_whole_matrices = True

    def __init__(
        self,
        params: Iterable[Tensor],  # of a network, in the order of its layers
        lr: PositiveFloat = 1e-3,  # learning rate of both
        momentum: ProperFraction = 0.95,  # μ of the gradients, before they are orthogonalised
        weight_decay: NonNegativeFloat = 0.01,  # λ of both
        ns_steps: Annotated[int, Field(ge=1, lt=100)] = 5,  # Newton-Schulz steps towards the orthogonal matrix
        betas: Betas = (0.9, 0.999),  # of AdamW
    ) -> None:
        if not hasattr(torch.optim, "Muon"):
            raise UserError(f"optimizer=muon needs torch 2.9 or newer; this is {torch.__version__}. Try adamw.")
        params = list(params)
        matrices = [i for i, parameter in enumerate(params) if parameter.dim() == 2][:-1]
        if not matrices:
            raise UserError(
                "optimizer=muon is for hidden layers whose weights are matrices, and this model has none. Try adamw."
            )
        hidden = [params[i] for i in matrices]
        others = [parameter for i, parameter in enumerate(params) if i not in matrices]
        self.parts = (
            torch.optim.Muon(
                hidden, lr, weight_decay, momentum=momentum, ns_steps=ns_steps, adjust_lr_fn="match_rms_adamw"
            ),
            AdamW(others, lr, betas, weight_decay=weight_decay),
        )
        super().__init__([{"params": hidden}, {"params": others}], {"lr": lr})
        self.param_groups = [part.param_groups[0] for part in self.parts]
        self.share()

    def share(self) -> None:
        """Share groups and state with both parts, so that schedules and checkpoints see one optimizer."""
        for part, group in zip(self.parts, self.param_groups, strict=True):
            part.param_groups, part.state = [group], self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        super().load_state_dict(state_dict)
        self.share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step; the loss is what `closure` returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss
