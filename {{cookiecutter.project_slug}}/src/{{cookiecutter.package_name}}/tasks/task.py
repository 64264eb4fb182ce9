"""What all tasks share: a step is forward, loss, and nothing else."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torchmetrics import MetricCollection

from ..components import Component, build
from ..data.datamodule import ArrayDataModule
from ..data.spec import DataSpec
from .epoch_metrics import EpochMetrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Batch = tuple[Tensor, Tensor]


class Task(LightningModule, ABC):
    """Joins network, loss, optimizer, scheduler and metrics. A subclass says what the loss and the metrics are.

    Args:
        network: maps inputs (B, *input_shape) to outputs (B, K).
        spec: the data that the network was built for.
        optimizer: settings of the optimizer.
        scheduler: settings of the learning rate schedule; None keeps the rate constant.
    """

    def __init__(
        self,
        network: nn.Module,
        spec: DataSpec,
        optimizer: Component,
        scheduler: Component | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.spec = spec
        self.optimizer_settings = optimizer
        self.scheduler_settings = scheduler
        self.train_metrics = EpochMetrics("train", self.make_metrics())
        self.val_metrics = EpochMetrics("val", self.make_metrics())
        self.test_metrics = EpochMetrics("test", self.make_metrics())

    @property
    def metric_names(self) -> list[str]:
        """The metrics of every stage."""
        return ["loss", *map(str, self.val_metrics.metrics)]

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss () of outputs (B, K) for targets (B,)."""

    @abstractmethod
    def make_metrics(self) -> MetricCollection:
        """Return the metrics of one stage, by their standard names."""

    def forward(self, x: Tensor) -> Tensor:
        """Map inputs (B, *input_shape) to outputs (B, K)."""
        return self.network(x)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of one batch. The hot path: nothing here waits for the device or calls `self.log`."""
        inputs, targets = batch
        outputs = self.network(inputs)
        loss = self.loss(outputs, targets)
        self.train_metrics.add(loss, outputs, targets)
        return loss

    def evaluation_step(self, batch: Batch, metrics: EpochMetrics) -> Tensor:
        """Add one batch to `metrics` and return its outputs."""
        inputs, targets = batch
        outputs: Tensor = self.network(inputs)
        metrics.add(self.loss(outputs, targets), outputs, targets)
        return outputs

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one validation batch to the metrics."""
        self.evaluation_step(batch, self.val_metrics)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one test batch to the metrics."""
        self.evaluation_step(batch, self.test_metrics)

    def on_train_epoch_end(self) -> None:
        """Log the metrics of the epoch, taken while the weights changed."""
        self.log_dict(self.train_metrics.compute())

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the validation samples."""
        self.log_dict(self.val_metrics.compute())

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the test samples."""
        self.log_dict(self.test_metrics.compute())

    def configure_optimizers(self) -> Any:
        """Build the optimizer, and the schedule if there is one."""
        optimizer = build(self.optimizer_settings, params=self.network.parameters())
        if self.scheduler_settings is None:
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = build(self.scheduler_settings, optimizer=optimizer, total_steps=steps)
        per_epoch = self.scheduler_settings.target.endswith("plateau")
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": scheduler,
                "interval": "epoch" if per_epoch else "step",
                "monitor": "val/loss",
            },
        }

    def draw(self, data: ArrayDataModule, rows: list[dict[str, float]], folder: Path) -> dict[str, Path]:
        """Draw the figures that explain the run into `<folder>/figures` and return their paths by name."""
        from .. import figures  # matplotlib takes a second to import

        return figures.save({"learning_curves": figures.learning_curves(rows), **self.figures(data)}, folder)

    def figures(self, data: ArrayDataModule) -> dict[str, "Figure"]:
        """Return the figures that this task adds, by name; called after the test."""
        return {}
