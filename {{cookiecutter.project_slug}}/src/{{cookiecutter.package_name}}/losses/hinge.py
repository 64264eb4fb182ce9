"""The loss of support vector machines, which ask for a margin between classes.

Dimensions: B batch, K outputs, ... the positions of a sample in dense prediction.
"""

from hyperplane import DataSpec
from hyperplane.losses.from_spec import ClassWeights, require, weight_of_classes
from hyperplane.losses.weighted_mean import weighted_mean
from torch import Tensor, nn
from torch.nn import functional


class Hinge(nn.Module):
    """cₜ max(0, 1 − y f): y = ±1 says on which side of the hyperplane f = 0 a sample belongs.

    Two classes have one hyperplane, f = (o₁ − o₀) / 2. More have one each (one-vs-rest), and their losses are
    added. Source: Cortes & Vapnik 1995, "Support-Vector Networks".
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
