"""Metrics over one epoch, without a cost in every step."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection

# An update of a metric costs as much as a third of a small model's step, so it is made once for many batches.
BATCHES_AT_ONCE = 32

Measured = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


def identity(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Measure outputs and targets as they are."""
    return outputs, targets


class EpochMetrics(nn.Module):
    """The mean loss and other metrics over an epoch of one stage.

    Args:
        stage: train, val or test; the first part of the metrics' names.
        metrics: of all outputs and targets.
        measured: makes of outputs and targets what the metrics take.
    """

    def __init__(self, stage: str, metrics: MetricCollection, measured: Measured = identity) -> None:
        super().__init__()
        self.stage = stage
        self.loss = MeanMetric()
        self.metrics = metrics
        self.measured = measured
        self.waiting: list[tuple[Tensor, Tensor, Tensor]] = []

    def add(self, loss: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """Take in one batch: its mean loss (), its outputs and its targets. Nothing is computed or synchronised yet."""
        self.waiting.append((loss.detach(), outputs.detach(), targets))
        if len(self.waiting) == BATCHES_AT_ONCE:
            self.update()

    def update(self) -> None:
        """Bring the metrics up to date with the batches that wait."""
        if not self.waiting:
            return
        losses, outputs, targets = zip(*self.waiting, strict=True)
        weights = torch.tensor([float(len(target)) for target in targets])
        stacked = torch.stack(losses)
        self.loss.update(stacked, weights.to(stacked.device))
        self.metrics.update(*self.measured(torch.cat(outputs), torch.cat(targets)))
        self.waiting.clear()

    def compute(self) -> dict[str, Tensor]:
        """Return `<stage>/<metric>` for the epoch, and start the next one."""
        self.update()
        values = {"loss": self.loss.compute(), **self.metrics.compute()}
        self.loss.reset()
        self.metrics.reset()
        return {f"{self.stage}/{name}": value for name, value in values.items()}
