"""Losses, each with its equation. All take outputs (B, K) and targets, and return the mean over the batch ().

t is the target of a sample, o its outputs. For classification t is a class number and o are logits.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from .data.spec import DataSpec, PanelSpec
from .mistakes import UserMistake

ClassWeights = Sequence[float] | Literal["balanced"] | None


def require(spec: DataSpec, task: str, name: str) -> None:
    """Refuse a loss on data of another task."""
    if spec.task != task:
        raise UserMistake(
            f"loss={name} is for {task}, but these data are for {spec.task}. loss=auto chooses what fits."
        )


def weight_of_classes(spec: DataSpec, weights: ClassWeights, key: str = "loss.class_weights") -> Tensor | None:
    """Return a weight for each class; `balanced` has mean 1 over the training samples.

    Raises:
        UserMistake: their number is not that of the classes.
    """
    if weights is None:
        return None
    if weights == "balanced":
        counts = torch.tensor(spec.class_counts).clamp(min=1)
        return spec.train_size / (spec.output_size * counts)
    if len(weights) != spec.output_size:
        raise UserMistake(f"{key} has {len(weights)} entries, but the data have {spec.output_size} classes")
    return torch.tensor([float(weight) for weight in weights])


class CrossEntropy(nn.Module):
    """−wₜ log softmax(o)ₜ, divided by the mean weight of the batch.

    Args:
        spec: of data for classification.
        class_weights: w for each class, or `balanced`: inversely proportional to its samples.
    """

    def __init__(self, spec: DataSpec, class_weights: ClassWeights = None) -> None:
        super().__init__()
        require(spec, "classification", "cross_entropy")
        self.weights: Tensor | None
        self.register_buffer("weights", weight_of_classes(spec, class_weights), persistent=False)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss."""
        return functional.cross_entropy(outputs, targets, self.weights)


class Hinge(nn.Module):
    """wₜ max(0, 1 − y f): y = ±1 says on which side of the hyperplane f = 0 a sample belongs.

    Two classes have one hyperplane, f = (o₁ − o₀) / 2. More have one each, the class against the rest, and their losses
    are added. Source: Cortes & Vapnik 1995, "Support-Vector Networks".

    Args:
        spec: of data for classification.
        class_weights: w for each class, or `balanced`: inversely proportional to its samples.
    """

    def __init__(self, spec: DataSpec, class_weights: ClassWeights = None) -> None:
        super().__init__()
        require(spec, "classification", "hinge")
        self.weights: Tensor | None
        self.register_buffer("weights", weight_of_classes(spec, class_weights), persistent=False)

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss."""
        if outputs.shape[1] == 2:
            side = 2 * targets - 1
            loss = (1 - side * (outputs[:, 1] - outputs[:, 0]) / 2).clamp(min=0)
        else:
            side = 2 * functional.one_hot(targets, outputs.shape[1]) - 1
            loss = (1 - side * outputs).clamp(min=0).sum(dim=1)
        return (loss if self.weights is None else loss * self.weights[targets]).mean()


class SquaredError(nn.Module):
    """(o − t)²."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        require(spec, "regression", "squared_error")

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of outputs (B, K) for targets (B, K)."""
        return functional.mse_loss(outputs, targets)


class Huber(nn.Module):
    """½(o − t)² where |o − t| ≤ δ, else δ(|o − t| − ½δ): outliers pull with constant force. Huber 1964.

    Args:
        spec: of data for regression.
        delta: δ > 0, in standard deviations of the target if the data are standardised, else in its units.
    """

    def __init__(self, spec: DataSpec, delta: float = 1.0) -> None:
        super().__init__()
        require(spec, "regression", "huber")
        self.delta = delta

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of outputs (B, K) for targets (B, K)."""
        return functional.huber_loss(outputs, targets, delta=self.delta)


def quantile_loss(outputs: Tensor, targets: Tensor, quantiles: Sequence[float]) -> Tensor:
    """Return max(q(t − o), (q − 1)(t − o)) for quantiles (B, H, Q) of targets (B, H), of the shape of the outputs.

    Its expectation is smallest where o is the q-quantile of t. Koenker & Bassett 1978, "Regression Quantiles".
    """
    q = outputs.new_tensor(quantiles)
    error = targets[..., None] - outputs
    return torch.maximum(q * error, (q - 1) * error)


class Quantile(nn.Module):
    """max(q(t − o), (q − 1)(t − o)), the mean over quantiles q, steps and samples.

    Args:
        spec: of a panel; names the quantiles.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        require(spec, "forecasting", "quantile")
        assert isinstance(spec, PanelSpec)
        self.quantiles = spec.quantiles

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of quantiles (B, H, Q) for targets (B, H)."""
        return quantile_loss(outputs, targets, self.quantiles).mean()


DEFAULT_LOSSES: dict[str, type[nn.Module]] = {
    "classification": CrossEntropy,
    "regression": SquaredError,
    "forecasting": Quantile,
}
