"""Classification: the class with the largest logit wins; softmax(logits) are probabilities."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassAccuracy, MulticlassConfusionMatrix

from ..data.datamodule import EVALUATION_BATCH, ArrayDataModule
from .task import Batch, Task

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Classification(Task):
    """Sorts samples into classes. Accuracy is the fraction of samples, in [0, 1], whose largest logit is the true one.

    `confusion` counts test samples by true class (rows) and predicted class (columns).
    """

    def on_test_start(self) -> None:
        """Count confusions from zero."""
        self.confusion = MulticlassConfusionMatrix(
            self.spec.output_size, validate_args=False, sync_on_compute=False
        ).to(self.device)

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
        from ..figures import LabelledPoints, confusion_matrix, decision_regions

        names = self.spec.class_names
        drawn = {"confusion_matrix": confusion_matrix(self.confusion.compute().cpu().numpy(), names)}
        if self.spec.input_shape == (2,):
            points = LabelledPoints(*data.arrays("train"), *data.arrays("test"), self.spec.feature_names, names)
            decide = self.decide_array if hasattr(self.network, "decision") and len(names) == 2 else None
            support = self.support_vectors(points.points, points.labels, decide)
            drawn["decision_regions"] = decision_regions(self.predict_array, points, decide, support)
        return drawn

    @torch.inference_mode()
    def decide_array(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return f (samples,) of a support vector machine for inputs (samples, *input_shape) in units of the data."""
        batches = torch.from_numpy(inputs).to(self.device).split(EVALUATION_BATCH)
        return torch.cat([self.network.decision(self.scaling(batch)) for batch in batches]).cpu().numpy()

    def support_vectors(
        self, inputs: NDArray[Any], classes: NDArray[Any], decide: Callable[[NDArray[Any]], NDArray[Any]] | None
    ) -> NDArray[Any] | None:
        """Return the numbers of the training samples that hold the margin; None if there is none."""
        if hasattr(self.network, "support_indices"):
            return self.network.support_indices.cpu().numpy()
        # The primal form names none: they are those on their margin or beyond it, as that is where the loss pulls.
        return None if decide is None else np.flatnonzero((2 * classes - 1) * decide(inputs) <= 1)

    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return the probability of each class (samples, K)."""
        return outputs.softmax(dim=1)

    @property
    def prediction_names(self) -> list[str]:
        """The names of the classes."""
        return list(self.spec.class_names)
