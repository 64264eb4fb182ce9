"""What all tasks share: a step is forward, loss, and nothing else.

Dimensions: B batch, K outputs.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from lightning.pytorch import LightningModule
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics import MetricCollection

from ..components import Component, build
from ..data.datamodule import EVALUATION_BATCH, ArrayDataModule
from ..data.scaling import Scaling
from ..data.spec import DataSpec
from ..running.collectives import in_shares
from .epoch_metrics import EpochMetrics

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Batch = tuple[Tensor, ...]  # inputs, and the targets last


class Task(LightningModule, ABC):
    """Joins network, loss, optimizer, scheduler and metrics. A subclass says what the metrics and predictions are.

    Args:
        network: maps standardised inputs (B, *input_shape) to outputs (B, K). If it has `solve(inputs, targets)` it is
            not trained in steps: `solve` is called once, with all training samples. If it has `penalty()`, what that
            returns () is added to the loss.
        loss: maps outputs and targets to the mean loss ().
        spec: the data that the network was built for.
        scaling: the standardisation of the data.
        optimizer: settings of the optimizer.
        scheduler: settings of the learning rate schedule; None keeps the rate constant.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: nn.Module,
        spec: DataSpec,
        scaling: Scaling,
        optimizer: Component,
        scheduler: Component | None = None,
    ) -> None:
        super().__init__()
        self.network: Any = network
        self.loss = loss
        self.spec = spec
        self.scaling = scaling
        self.is_solved = hasattr(network, "solve")
        self.is_trained = False  # the run goes on after its training
        self.has_penalty = hasattr(network, "penalty")
        self.counted_batch = -1  # the last training batch whose loss is in the metrics
        self.automatic_optimization = not self.is_solved
        self.optimizer_settings = optimizer
        self.scheduler_settings = scheduler
        steps = not self.is_solved  # only a training in steps can diverge
        self.train_metrics = EpochMetrics("train", self.make_metrics(), self.measured, must_be_finite=steps)
        self.val_metrics = EpochMetrics("val", self.make_metrics(), self.measured, must_be_finite=steps)
        self.test_metrics = EpochMetrics("test", self.make_metrics(), self.measured)

    @property
    def metric_names(self) -> list[str]:
        """The metrics of every stage."""
        return ["loss", *map(str, self.val_metrics.metrics)]

    @abstractmethod
    def make_metrics(self) -> MetricCollection:
        """Return the metrics of one stage, by their standard names."""

    @abstractmethod
    def to_predictions(self, outputs: Tensor) -> Tensor:
        """Return what outputs (B, K) say, in the units of the data: probabilities, values or quantiles."""

    @property
    @abstractmethod
    def prediction_names(self) -> list[str]:
        """The names of the columns of predictions."""

    def measured(self, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return outputs and targets as the metrics take them."""
        return outputs, targets

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map inputs (B, *input_shape), in the units of the data, to predictions."""
        return self.to_predictions(self.network(self.scaling(*inputs)))

    def on_fit_start(self) -> None:
        """Solve a network that is not trained in steps."""
        if self.is_solved and not self.is_trained:
            self.network.solve(*self.trainer.datamodule.training_samples())  # type: ignore[attr-defined]

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of one batch. The hot path: nothing here waits for the device or calls `self.log`."""
        *inputs, targets = batch
        outputs = in_shares(self.network, inputs)
        loss = self.loss(outputs, targets)
        if self.has_penalty:
            loss = loss + self.network.penalty()
        if batch_idx != self.counted_batch:  # L-BFGS evaluates a batch again and again; as elsewhere, the first counts
            self.counted_batch = batch_idx
            self.train_metrics.add(loss, outputs, targets)
        return loss

    def evaluation_step(self, batch: Batch, metrics: EpochMetrics) -> Tensor:
        """Add one batch to `metrics` and return its outputs."""
        *inputs, targets = batch
        outputs = in_shares(self.network, inputs)
        metrics.add(self.loss(outputs, targets), outputs, targets)
        return outputs

    def on_validation_epoch_start(self) -> None:
        """Look at the losses of the steps before: validation would only tell that something went wrong.

        Raises:
            Diverged: one is not finite.
        """
        self.train_metrics.check()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one validation batch to the metrics."""
        self.evaluation_step(batch, self.val_metrics)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Add one test batch to the metrics."""
        self.evaluation_step(batch, self.test_metrics)

    def log_epoch(self, metrics: dict[str, Tensor], steps_ago: int = 0) -> None:
        """Hand the metrics of an epoch to callbacks and loggers.

        `self.log_dict` does the same, but prepares for averages over steps, at the cost of two steps of a small model.

        Args:
            metrics: computed, by name.
            steps_ago: Lightning counts the last step before it ends an epoch of training, not before it validates.
        """
        if self.trainer.sanity_checking:
            return
        connector = self.trainer._logger_connector
        connector._callback_metrics.update(metrics)
        step = self.trainer.fit_loop.epoch_loop._batches_that_stepped - steps_ago
        connector.log_metrics({"epoch": torch.tensor(self.current_epoch), **metrics}, step)

    def on_train_epoch_end(self) -> None:
        """Log the metrics of the epoch, taken while the weights changed."""
        self.counted_batch = -1
        self.log_epoch(self.train_metrics.compute(), steps_ago=1)

    def on_validation_epoch_end(self) -> None:
        """Log the metrics of the validation samples.

        Raises:
            Diverged: their loss is not finite.
        """
        self.log_epoch(self.val_metrics.compute())

    def on_test_epoch_end(self) -> None:
        """Log the metrics of the test samples."""
        self.log_epoch(self.test_metrics.compute())

    def configure_optimizers(self) -> Any:
        """Build the optimizer, and the schedule if there is one."""
        if self.is_solved:
            return None
        optimizer = build(self.optimizer_settings, params=self.network.parameters())
        if self.trainer.gradient_clip_val:
            # A fused optimizer would undo the scaling of 16-mixed within its step, after the gradients are clipped.
            optimizer._step_supports_amp_scaling = False
        if self.scheduler_settings is None:
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = build(self.scheduler_settings, optimizer=optimizer, total_steps=steps)
        per_epoch = self.scheduler_settings.import_path.endswith("plateau")
        return {
            "optimizer": optimizer,
            "lr_scheduler": {
                "scheduler": scheduler,
                "interval": "epoch" if per_epoch else "step",
                "frequency": (self.trainer.check_val_every_n_epoch or 1) if per_epoch else 1,
                "monitor": "val/loss",
            },
        }

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the spec beside the weights, so that they can be used without the data."""
        checkpoint["spec"] = self.spec.to_dict()

    def draw(self, data: ArrayDataModule, rows: list[dict[str, float]], folder: Path) -> dict[str, Path]:
        """Draw the figures that explain the run into `<folder>/figures` and return their paths by name."""
        from .. import figures  # matplotlib takes a second to import

        curves = {} if self.is_solved else {"learning_curves": figures.learning_curves(rows)}
        return figures.save({**curves, **self.figures(data)}, folder)

    @torch.inference_mode()
    def predict_array(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return predictions for inputs (samples, *input_shape), both in the units of the data."""
        self.eval()
        batches = torch.from_numpy(inputs).to(self.device).split(EVALUATION_BATCH)
        return torch.cat([self(batch) for batch in batches]).cpu().numpy()

    def figures(self, data: ArrayDataModule) -> dict[str, "Figure"]:
        """Return the figures that this task adds, by name; called after the test."""
        return {}
