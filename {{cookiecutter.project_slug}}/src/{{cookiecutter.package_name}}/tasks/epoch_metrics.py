"""Metrics over one epoch, without a cost in every step."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric, MetricCollection

# An update of a metric costs as much as a small model's step, so it is made once for many batches.
BATCHES_AT_ONCE = 64

Measured = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class Diverged(ArithmeticError):
    """A loss that is not a finite number. `ago` counts the batches since then, that batch included."""

    def __init__(self, name: str, value: float, ago: int = 1, before: Tensor | None = None) -> None:
        self.ago = ago
        finite = "" if before is None else f"; the last finite one was {float(before):.4g}"
        super().__init__(f"{name} became {value}{finite}")


def identity(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Measure outputs and targets as they are."""
    return outputs, targets


class EpochMetrics(nn.Module):
    """The mean loss and other metrics over an epoch of one stage.

    Args:
        stage: train, val or test; the first part of the metrics' names.
        metrics: of all outputs and targets.
        measured: makes of outputs and targets what the metrics take.
        must_be_finite: whether a loss that is not stops the run.
    """

    def __init__(
        self, stage: str, metrics: MetricCollection, measured: Measured = identity, must_be_finite: bool = False
    ) -> None:
        super().__init__()
        self.stage = stage
        self.metrics = metrics
        self.loss_sum: Tensor | float = 0.0  # over all samples; torchmetrics' mean takes as long as a step
        self.samples = 0
        self.measured = measured
        self.must_be_finite = must_be_finite
        self.waiting: list[tuple[Tensor, Tensor, Tensor]] = []
        self.last_finite: Tensor | None = None  # the loss of the last batch that no longer waits
        for _, metric in self.all_metrics():
            metric.sync_on_compute = metric._to_sync = False  # every rank has all outputs, see collectives.py

    def add(self, loss: Tensor, outputs: Tensor, targets: Tensor) -> None:
        """Take in one batch: its mean loss (), its outputs and its targets. Nothing is computed or synchronised yet."""
        self.waiting.append((loss.detach(), outputs.detach(), targets))
        if len(self.waiting) == BATCHES_AT_ONCE:
            self.update()

    def update(self) -> None:
        """Bring the metrics up to date with the batches that wait.

        Raises:
            Diverged: one of their losses is not finite.
        """
        if not self.waiting:
            return
        self.check()
        losses, outputs, targets = zip(*self.waiting, strict=True)
        sizes = [len(target) for target in targets]
        stacked = torch.stack(losses)
        stacked = stacked.to(torch.promote_types(stacked.dtype, torch.float32))  # a sum in bfloat16 soon stands still
        self.loss_sum = self.loss_sum + (stacked * stacked.new_tensor(sizes)).sum()
        self.samples += sum(sizes)
        self.metrics.update(*self.measured(torch.cat(outputs), torch.cat(targets)))
        self.last_finite = losses[-1]
        self.waiting.clear()

    def check(self) -> None:
        """Look at the losses of the batches that wait.

        Raises:
            Diverged: one of them is not finite.
        """
        losses = [loss for loss, _, _ in self.waiting]
        if self.must_be_finite and losses and not torch.stack(losses).isfinite().all():
            first = next(number for number, loss in enumerate(losses) if not loss.isfinite())
            before = losses[first - 1] if first else self.last_finite
            raise Diverged(f"{self.stage}/loss", float(losses[first]), len(losses) - first, before)

    def compute(self) -> dict[str, Tensor]:
        """Return `<stage>/<metric>` for the epoch, and start the next one."""
        self.update()
        values = {"loss": torch.as_tensor(self.loss_sum) / self.samples, **self.metrics.compute()}
        self.loss_sum, self.samples = 0.0, 0
        self.metrics.reset()
        return {f"{self.stage}/{name}": value for name, value in values.items()}

    def save_state(self) -> dict[str, Any]:
        """Return all that an epoch has come to so far, as tensors and plain values."""
        return {
            "waiting": list(self.waiting),
            "last_finite": self.last_finite,
            "loss": (self.loss_sum, self.samples),
            "metrics": {name: (metric._update_count, metric.metric_state) for name, metric in self.all_metrics()},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on with the epoch that `state` is of."""
        device = next(metric for _, metric in self.all_metrics()).device
        self.waiting = [(loss.to(device), out.to(device), target.to(device)) for loss, out, target in state["waiting"]]
        self.last_finite = state["last_finite"]
        self.loss_sum, self.samples = state["loss"]
        for name, metric in self.all_metrics():
            metric._update_count, values = state["metrics"][name]
            for key, value in values.items():  # cloned, as metrics that share their state are saved as one
                setattr(metric, key, value.to(device, copy=True))

    def all_metrics(self) -> list[tuple[str, Metric]]:
        """Return every metric with its name."""
        return list(self.metrics.items(keep_base=True, copy_state=False))
