"""Losses for class numbers, and for labels of which each applies or not.

Dimensions: B batch, K outputs, ... the places of a sample in dense prediction, such as pixels or steps of a text.
"""

from hyperplane.data.arrays import IGNORED
from hyperplane.data.spec import DataSpec
from torch import Tensor, nn
from torch.nn import functional

from .from_spec import ClassWeights, counted, listed_weights, require, weight_of_classes
from .weighted_mean import weighted_mean


class CrossEntropy(nn.Module):
    """−cₜ log softmax(o)ₜ, divided by the mean of cₜ over the batch. A target of −100 is left out."""

    def __init__(
        self,
        spec: DataSpec,  # of data for classification
        class_weights: ClassWeights = None,  # c for each class; balanced: inversely proportional to its targets
    ) -> None:
        super().__init__()
        require(spec, "classification", "cross_entropy")
        self.has_unlabelled = 0 < sum(spec.class_counts) < spec.train_size  # a batch may have no label at all
        self.class_weights: Tensor | None
        self.register_buffer("class_weights", weight_of_classes(spec, class_weights), persistent=False)

    def forward(self, outputs: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss of logits (B, K, ...) for class numbers (B, ...)."""
        if weights is None and not self.has_unlabelled:
            return functional.cross_entropy(outputs, targets, self.class_weights)
        losses = functional.cross_entropy(outputs, targets, self.class_weights, reduction="none")
        weights = outputs.new_ones(len(outputs)) if weights is None else weights
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
