"""The linear support vector machine, in its primal form.

    f(x)    = wᵀx + b
    J(w, b) = ½ wᵀw + C Σᵢ max(0, 1 − tᵢ f(xᵢ)),  tᵢ = ±1

The margins f = ±1 lie 1 / ‖w‖ on either side of the hyperplane f = 0. Training minimises J / (C N), which has its
minimum at the same w and b: the mean hinge loss, with wᵀw / (2 C N) as penalty. J has a kink wherever a sample lies on
its margin, so steps converge only if they shrink, as those of optimizer=adam_annealed do.

Source: Cortes & Vapnik 1995, "Support-Vector Networks".

Dimensions: N training samples, B batch, D input features, K classes, H hyperplanes (1 for two classes, else K).
"""

import math

import torch
from hyperplane import DataSpec, UserError
from pydantic import PositiveFloat
from torch import Tensor, nn

from ..losses.hinge import Hinge


class SVM(nn.Module):
    """Two classes have one hyperplane between them; more have one each (one-vs-rest), and J is the sum.

    Inputs of any shape are flattened to D features.

    Raises:
        UserError: the data have no classes.
    """

    convex = True  # with the hinge loss
    default_loss = Hinge

    def __init__(
        self,
        spec: DataSpec,
        C: PositiveFloat = 1.0,  # cost of a sample that violates its margin; the larger, the narrower the margin
    ) -> None:
        super().__init__()
        if spec.task != "classification":
            raise UserError(
                f"model=svm separates classes, but these data are for {spec.task}. Try model=linear or model=mlp."
            )
        self.C = C
        self.train_size = spec.train_size
        self.hinge = Hinge(spec)
        self.hyperplanes = nn.Linear(math.prod(spec.input_shape), 1 if spec.output_size == 2 else spec.output_size)

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (B, *input_shape) to outputs (B, K): f of each class, and for two classes −f and f."""
        f = self.hyperplanes(x.flatten(1))  # (B, H)
        return torch.cat([-f, f], dim=1) if f.shape[1] == 1 else f

    def penalty(self) -> Tensor:
        """Return wᵀw / (2 C N)."""
        return self.hyperplanes.weight.square().sum() / (2 * self.C * self.train_size)

    def objective(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return J () for all training inputs (N, *input_shape) and classes (N,)."""
        return self.hyperplanes.weight.square().sum() / 2 + self.C * len(inputs) * self.hinge(self(inputs), targets)

    def decision(self, inputs: Tensor) -> Tensor:
        """Return f (B,) of two classes: 0 on the hyperplane, ±1 on the margins, positive for class 1."""
        return self(inputs)[:, 1]
