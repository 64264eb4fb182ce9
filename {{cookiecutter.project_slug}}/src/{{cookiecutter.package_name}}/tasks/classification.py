"""Classification: the class with the largest logit wins; softmax(logits) are probabilities."""

from typing import TYPE_CHECKING

from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix

from ..data.datamodule import ArrayDataModule
from .task import Batch, Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Classification(Task):
    """Sorts samples into classes. Accuracy is the fraction of samples, in [0, 1], whose largest logit is the true one.

    `confusion` counts test samples by true class (rows) and predicted class (columns).
    """

    def on_test_start(self) -> None:
        """Count confusions from zero."""
        self.confusion = MulticlassConfusionMatrix(self.spec.output_size, validate_args=False).to(self.device)

    def make_metrics(self) -> MetricCollection:
        """Return the accuracy over all samples."""
        return MetricCollection(
            {"accuracy": MulticlassAccuracy(self.spec.output_size, average="micro", validate_args=False)}
        )

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one test batch to the metrics and to the confusion matrix."""
        outputs = self.evaluation_step(batch, self.test_metrics)
        self.confusion.update(outputs, batch[1])

    def figures(self, data: ArrayDataModule) -> dict[str, "Figure"]:
        """Return the confusion matrix of the test, and for points in a plane the regions of the classes."""
        from ..figures import confusion_matrix, decision_regions

        names = self.spec.class_names
        drawn = {"confusion_matrix": confusion_matrix(self.confusion.compute().cpu().numpy(), names)}
        if self.spec.input_shape == (2,):
            (points, classes), (test_points, test_classes) = data.arrays("train"), data.arrays("test")
            drawn["decision_regions"] = decision_regions(
                self.predict_array, points, classes, self.spec.feature_names, names, test_points, test_classes
            )
        return drawn

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return the probability of each class (samples, K)."""
        return outputs.softmax(dim=1)

    @property
    def prediction_names(self) -> list[str]:
        """The names of the classes."""
        return list(self.spec.class_names)
