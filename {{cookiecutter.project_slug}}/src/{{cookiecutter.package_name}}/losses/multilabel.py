"""The loss of labels, each of which applies or does not.

Dimensions: B batch, K labels, ... the positions of a sample in dense prediction, such as pixels or steps of a text.
"""

from hyperplane import DataSpec
from hyperplane.losses.from_spec import ClassWeights, counted, listed_weights, require
from hyperplane.losses.weighted_mean import weighted_mean
from torch import Tensor, nn
from torch.nn import functional


class BinaryCrossEntropy(nn.Module):
    """−pₖ tₖ log σ(oₖ) − (1 − tₖ) log(1 − σ(oₖ)), the mean over labels k."""

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
