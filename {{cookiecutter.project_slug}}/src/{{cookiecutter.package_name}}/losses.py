"""Losses, each with its equation. All take outputs, targets and, if samples count differently, their weights (B,).

t is the target of a sample, o its outputs. For classification t is a class number and o are logits. They return the
mean over the batch (), with weights w the mean Σᵢ wᵢ lᵢ / Σᵢ wᵢ of the losses lᵢ of the samples.

Dimensions: B batch, K outputs, ... the places of a sample in dense prediction, such as pixels or steps of a text.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor, nn
from torch.nn import functional

from .data.arrays import IGNORED
from .data.spec import DataSpec, PanelSpec
from .mistakes import UserMistake

ClassWeights = tuple[NonNegativeFloat, ...] | Literal["balanced"] | None


def require(spec: DataSpec, task: str, name: str) -> None:
    """Refuse a loss on data of another task that has losses of its own; a project's own task may take any."""
    if spec.task != task and spec.task in DEFAULT_LOSSES:
        raise UserMistake(
            f"loss={name} is for {task}, but these data are for {spec.task}. loss=auto chooses what fits."
        )


def weight_of_classes(spec: DataSpec, weights: ClassWeights, key: str = "loss.class_weights") -> Tensor | None:
    """Return a weight for each class; `balanced` has mean 1 over the training targets.

    Raises:
        UserMistake: their number is not that of the classes, or these were not counted.
    """
    if weights is None:
        return None
    if weights == "balanced":
        counts = counted(spec, key)
        return counts.sum() / (spec.output_size * counts.clamp(min=1))
    return listed_weights(spec, weights, key, "classes")


def counted(spec: DataSpec, key: str) -> Tensor:
    """Return the training targets of each class (K,).

    Raises:
        UserMistake: the data do not state them.
    """
    if not spec.class_counts:
        raise UserMistake(f"{key}=balanced needs to know how frequent classes are: these data state no class_counts")
    return torch.tensor(spec.class_counts)


def listed_weights(spec: DataSpec, weights: Sequence[float], key: str, what: str) -> Tensor:
    """Return weights that were given one by one (K,).

    Raises:
        UserMistake: they are not as many as there are outputs.
    """
    if len(weights) != spec.output_size:
        raise UserMistake(f"{key} has {len(weights)} entries, but the data have {spec.output_size} {what}")
    return torch.tensor([float(weight) for weight in weights])


def weighted_mean(losses: Tensor, weights: Tensor, counts: Tensor | None = None) -> Tensor:
    """Return Σᵢ wᵢ lᵢ / Σᵢ wᵢ, or 0 where all weights are 0.

    Args:
        losses: l (B, ...); the loss of a sample is their mean over its places.
        weights: w (B,).
        counts: how much each loss counts in its sample (B, ...); None: all the same.
    """
    w = weights.reshape(-1, *[1] * (losses.ndim - 1))
    total = (w * (torch.ones_like(losses) if counts is None else counts)).sum()
    return (w * losses).sum() / total.clamp(min=torch.finfo(total.dtype).tiny)


class CrossEntropy(nn.Module):
    """−cₜ log softmax(o)ₜ, divided by the mean of cₜ over the batch. A target of −100 is left out."""

    def __init__(
        self,
        spec: DataSpec,  # of data for classification
        class_weights: ClassWeights = None,  # c for each class; balanced: inversely proportional to its targets
    ) -> None:
        super().__init__()
        require(spec, "classification", "cross_entropy")
        self.class_weights: Tensor | None
        self.register_buffer("class_weights", weight_of_classes(spec, class_weights), persistent=False)

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of logits (B, K, ...) for class numbers (B, ...)."""
        if weights is None:
            return functional.cross_entropy(outputs, targets, self.class_weights)
        losses = functional.cross_entropy(outputs, targets, self.class_weights, reduction="none")
        counts = (targets != IGNORED).to(losses.dtype)
        if self.class_weights is not None:
            counts = counts * self.class_weights[targets.clamp(min=0)]
        return weighted_mean(losses, weights, counts)


class BinaryCrossEntropy(nn.Module):
    """−pₖ tₖ log σ(oₖ) − (1 − tₖ) log(1 − σ(oₖ)), the mean over labels k: each applies or not, by itself."""

    def __init__(
        self,
        spec: DataSpec,  # of data for multilabel
        # p for each label; balanced: training samples without it, divided by those that have it
        pos_weight: ClassWeights = None,
    ) -> None:
        super().__init__()
        require(spec, "multilabel", "binary_cross_entropy")
        key, found = "loss.pos_weight", None
        if pos_weight == "balanced":
            counts = counted(spec, key)
            found = (spec.train_size - counts) / counts.clamp(min=1)
        elif pos_weight is not None:
            found = listed_weights(spec, pos_weight, key, "labels")
        self.pos_weight: Tensor | None
        self.register_buffer("pos_weight", found, persistent=False)

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of logits (B, K, ...) for labels (B, K, ...) of 0 and 1, float."""
        pos_weight = self.pos_weight
        if pos_weight is not None:
            pos_weight = pos_weight.reshape(-1, *[1] * (outputs.ndim - 2))
        bce = functional.binary_cross_entropy_with_logits
        if weights is None:
            return bce(outputs, targets, pos_weight=pos_weight)
        return weighted_mean(bce(outputs, targets, pos_weight=pos_weight, reduction="none"), weights)


class Hinge(nn.Module):
    """cₜ max(0, 1 − y f): y = ±1 says on which side of the hyperplane f = 0 a sample belongs.

    Two classes have one hyperplane, f = (o₁ − o₀) / 2. More have one each, the class against the rest, and their losses
    are added. Source: Cortes & Vapnik 1995, "Support-Vector Networks".
    """

    def __init__(
        self,
        spec: DataSpec,  # of data for classification
        class_weights: ClassWeights = None,  # c for each class; balanced: inversely proportional to its targets
    ) -> None:
        super().__init__()
        require(spec, "classification", "hinge")
        self.class_weights: Tensor | None
        self.register_buffer("class_weights", weight_of_classes(spec, class_weights), persistent=False)

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of outputs (B, K, ...) for class numbers (B, ...)."""
        if outputs.shape[1] == 2:
            side = 2 * targets - 1
            losses = (1 - side * (outputs[:, 1] - outputs[:, 0]) / 2).clamp(min=0)
        else:
            side = 2 * functional.one_hot(targets, outputs.shape[1]).movedim(-1, 1) - 1
            losses = (1 - side * outputs).clamp(min=0).sum(dim=1)
        if self.class_weights is not None:
            losses = losses * self.class_weights[targets]
        return losses.mean() if weights is None else weighted_mean(losses, weights)


class SquaredError(nn.Module):
    """(o − t)²."""

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        require(spec, "regression", "squared_error")

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of outputs (B, K, ...) for targets (B, K, ...)."""
        if weights is None:
            return functional.mse_loss(outputs, targets)
        return weighted_mean(functional.mse_loss(outputs, targets, reduction="none"), weights)


class Huber(nn.Module):
    """½(o − t)² where |o − t| ≤ δ, else δ(|o − t| − ½δ): outliers pull with constant force. Huber 1964."""

    def __init__(
        self,
        spec: DataSpec,  # of data for regression
        delta: PositiveFloat = 1.0,  # δ, in standard deviations of the target if they are standardised, else in units
    ) -> None:
        super().__init__()
        require(spec, "regression", "huber")
        self.delta = delta

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of outputs (B, K, ...) for targets (B, K, ...)."""
        if weights is None:
            return functional.huber_loss(outputs, targets, delta=self.delta)
        return weighted_mean(functional.huber_loss(outputs, targets, reduction="none", delta=self.delta), weights)


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

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of quantiles (B, H, Q) for targets (B, H)."""
        losses = quantile_loss(outputs, targets, self.quantiles)
        return losses.mean() if weights is None else weighted_mean(losses, weights)


DEFAULT_LOSSES: dict[str, type[nn.Module]] = {
    "classification": CrossEntropy,
    "multilabel": BinaryCrossEntropy,
    "regression": SquaredError,
    "forecasting": Quantile,
}
