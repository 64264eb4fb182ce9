"""The loss of class numbers.

Dimensions: B batch, K classes, ... the positions of a sample in dense prediction, such as pixels or steps of a text.
"""

from hyperplane import DataSpec
from hyperplane.data.arrays import IGNORED
from hyperplane.losses.from_spec import ClassWeights, require, weight_of_classes
from hyperplane.losses.weighted_mean import weighted_mean
from torch import Tensor, nn
from torch.nn import functional


class CrossEntropy(nn.Module):
    """−cₜ log softmax(o)ₜ, divided by the mean of cₜ over the batch. A target of −100 is ignored."""

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
        """Return the mean loss of logits (B, K, ...) for class numbers (B, ...), or for class probabilities (B, K)."""
        if weights is None and not self.has_unlabelled:
            return functional.cross_entropy(outputs, targets, self.class_weights)
        losses = functional.cross_entropy(outputs, targets, self.class_weights, reduction="none")
        weights = outputs.new_ones(len(outputs)) if weights is None else weights
        return weighted_mean(losses, weights, self.counts(targets).to(losses.dtype))

    def counts(self, targets: Tensor) -> Tensor:
        """Return the weight of each target (B, ...): cₜ, or 0 if it is ignored."""
        known = (targets != IGNORED).float()
        return known if self.class_weights is None else known * self.class_weights[targets.clamp(min=0)]

    def sample_weights(self, targets: Tensor, weights: Tensor | None) -> Tensor:
        """Return the weight of each sample in the mean loss (B,)."""
        counts = self.counts(targets).flatten(1).sum(1) if targets.ndim > 1 else self.counts(targets)
        return counts if weights is None else counts * weights
