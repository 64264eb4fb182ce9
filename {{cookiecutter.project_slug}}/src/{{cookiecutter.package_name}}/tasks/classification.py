"""Classification: the class with the largest logit is predicted; softmax(logits) are probabilities."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from hyperplane import Batch, DataSpec, Task
from hyperplane.data.arrays import IGNORED
from hyperplane.metrics import DEFAULTS
from hyperplane.tasks.epoch_metrics import Measured, View, collection
from hyperplane.tasks.naive import log_frequencies
from loguru import logger
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from polars import DataFrame

UNEVEN = 2.0  # times an equal share of the samples
RANKED = ("auroc", "average_precision")  # metrics that sort all samples


class Classification(Task):
    """Predicts the class of each sample, or of each position in dense prediction.

    Accuracy is the fraction, in [0, 1], whose largest logit is that of the true class. `confusion` counts test samples
    by true class (rows) and predicted class (columns). If one class is much more frequent than others, accuracy says
    little. Balanced accuracy (the mean of the accuracies of the classes), F1, the area under the ROC curve and average
    precision are measured beside it then.
    """

    kind = "classification"

    def on_fit_start(self) -> None:
        """Log the accuracy of always predicting the most frequent class, if it is high."""
        if is_uneven(self.spec) and not self.is_trained:
            majority = max(self.spec.class_counts) / sum(self.spec.class_counts)
            logger.info(
                "The most frequent class has {:.1%} of the training samples: an accuracy of {:.4f} is easy to reach. "
                "Look at balanced_accuracy, f1, auroc and average_precision",
                majority,
                majority,
            )

    def start_counting(self) -> None:
        """Start an empty confusion matrix."""
        self.confusion = MulticlassConfusionMatrix(
            self.spec.output_size, validate_args=False, sync_on_compute=False
        ).to(self.device)

    def make_metrics(self) -> dict[str, Metric]:
        """Return the metrics of the settings; if classes are imbalanced and none were set, more than accuracy."""
        if tuple(self.metrics) == DEFAULTS[self.kind] and is_uneven(self.spec):
            self.metrics = ("accuracy", "balanced_accuracy", "f1", *RANKED)
            self.only_evaluated = RANKED
        return super().make_metrics()

    def naive_output(self) -> Tensor | None:
        """Return the logarithms of the classes' frequencies (K,): the most frequent one is predicted."""
        counts = self.spec.class_counts
        return log_frequencies(counts) if sum(counts) and len(counts) == self.spec.output_size else None

    def views(self, metrics: dict[str, Metric]) -> list[View]:
        """Group metrics by their input: logits (N, K), probabilities (N, K), or those of the second class (N,)."""
        takes: dict[Measured, dict[str, Metric]] = {}
        only_accuracy = all(isinstance(metric, MulticlassAccuracy) for metric in metrics.values())
        for name, metric in metrics.items():
            is_binary = type(metric).__name__.startswith("Binary")
            view = second_class if is_binary else labelled if only_accuracy else probabilities
            takes.setdefault(view, {})[name] = metric
        return [View(collection(some), view) for view, some in takes.items()]

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Add one test batch to the metrics and to the confusion matrix."""
        outputs, targets = self.evaluation_step(batch, self.test_metrics[dataloader_idx])
        self.confusion.update(*labelled(outputs, targets))
        self.add_naive(batch, outputs, targets)

    def figures(self, data: Any) -> dict[str, "Figure"]:
        """Return the confusion matrix of the test, and for points in the plane the decision regions."""
        from hyperplane.figures import LabelledPoints, confusion_matrix, decision_regions, misclassified

        names = self.spec.class_names
        drawn = {"confusion_matrix": confusion_matrix(self.confusion.compute().cpu().numpy(), names)}
        if self.spec.input_shape == (2,) and hasattr(data, "arrays"):
            (inputs, labels), (test_inputs, test_labels) = data.arrays("train"), data.arrays("test")
            points = LabelledPoints(inputs, labels, test_inputs, test_labels, self.spec.feature_names, names)
            decide = self.decide_array if hasattr(self.network, "decision") and len(names) == 2 else None
            support = self.support_vectors(points.points, points.labels, decide)
            drawn["decision_regions"] = decision_regions(self.predict_array, points, decide, support)
        if len(self.spec.input_shape) == 3 and hasattr(data, "arrays"):
            images, classes = data.arrays("test")
            wrong = misclassified(self.predict_array, images, classes, names)
            drawn |= {} if wrong is None else {"misclassified": wrong}
        return drawn

    @torch.no_grad()
    def decide_array(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return f (samples,) of a support vector machine for inputs (samples, *input_shape) in units of the data."""
        decisions = [self.network.decision(self.scaling(batch)) for batch in self.batches(inputs)]
        return torch.cat(decisions).float().cpu().numpy()

    def support_vectors(
        self, inputs: NDArray[Any], classes: NDArray[Any], decide: Callable[[NDArray[Any]], NDArray[Any]] | None
    ) -> NDArray[Any] | None:
        """Return the indices of the support vectors among the training samples; None if the model has none."""
        if hasattr(self.network, "support_indices"):
            return self.network.support_indices.cpu().numpy()
        # The primal form does not name them: they are the samples on or beyond their margin, where the hinge loss acts.
        return None if decide is None else np.flatnonzero((2 * classes - 1) * decide(inputs) <= 1)

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return the probability of each class (samples, K)."""
        return outputs.softmax(dim=1)

    def as_table(self, predictions: NDArray[Any]) -> "DataFrame":
        """Return the predicted class and all probabilities; in dense prediction, the class of each position."""
        import polars

        names = self.prediction_names
        if predictions.ndim > 2:
            classes = np.array(names)[predictions.argmax(axis=1)].reshape(len(predictions), -1)
            return polars.DataFrame(classes, schema=[f"prediction {i + 1}" for i in range(classes.shape[1])])
        table = polars.DataFrame(predictions, schema=[f"probability {name}" for name in names])
        best = polars.Series("prediction", [names[number] for number in predictions.argmax(axis=1)])
        return table.insert_column(0, best)


def labelled(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits (N, K) and classes (N,) of labelled samples, or of labelled positions of outputs (B, K, ...)."""
    if targets.is_floating_point():  # class probabilities, from mixed images
        targets = targets.argmax(dim=1)
    known = targets != IGNORED
    if targets.ndim == 1 and known.all():
        return outputs, targets
    return outputs.movedim(1, -1)[known], targets[known]


def probabilities(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probability of each class (N, K), and the classes (N,).

    torchmetrics would mistake logits that all lie between 0 and 1 for probabilities.
    """
    outputs, targets = labelled(outputs, targets)
    return outputs.float().softmax(dim=1), targets


def second_class(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the probability of the second of two classes (N,), and the classes (N,)."""
    outputs, targets = labelled(outputs, targets)
    return outputs.float().softmax(dim=1)[:, 1], targets


def is_uneven(spec: DataSpec) -> bool:
    """Say whether the most frequent class has more than twice its share of the training samples."""
    counts = spec.class_counts
    return len(counts) > 1 and max(counts) > min(UNEVEN * sum(counts) / len(counts), 0.75 * sum(counts))
