"""Multi-label classification: each label applies or does not; σ(logit) is its probability."""

from typing import TYPE_CHECKING, Any

from hyperplane import Task
from hyperplane.tasks.epoch_metrics import View, collection
from hyperplane.tasks.naive import label_logits
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

if TYPE_CHECKING:
    from polars import DataFrame

THRESHOLD = 0.5  # a label with at least this probability is predicted


class MultiLabel(Task):
    """Predicts which labels a sample has. Metrics are means over labels."""

    kind = "multilabel"

    def views(self, metrics: dict[str, Metric]) -> list[View]:
        """Return the metrics, which take probabilities (N, K) and labels (N, K)."""
        return [View(collection(metrics), probabilities)]

    def naive_output(self) -> Tensor | None:
        """Return the logits of the labels' frequencies (K,)."""
        counts, samples = self.spec.class_counts, self.spec.train_size
        return label_logits(counts, samples) if counts and samples else None

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return the probability of each label (samples, K)."""
        return outputs.sigmoid()

    def as_table(self, predictions: NDArray[Any]) -> "DataFrame":
        """Return a column of 0 and 1 for each label, and its probability."""
        import polars

        names = self.prediction_names
        labels = polars.DataFrame((predictions >= THRESHOLD).astype("int8"), schema=names)
        return labels.hstack(polars.DataFrame(predictions, schema=[f"probability {name}" for name in names]))


def probabilities(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probability of each label (N, K), and the labels (N, K) as whole numbers."""
    return outputs.float().sigmoid(), targets.long()
