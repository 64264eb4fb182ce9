"""The model that has seen nothing but the training targets: what any other has to beat.

It gives the same output for every sample: the logarithms of the classes' frequencies, so that it names the most
frequent one; or the mean of the targets. Its metrics stand beside those of the network under `test/naive_<metric>`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ..metrics.metric_names import naive_name
from .epoch_metrics import EpochMetrics

SMALLEST = 1e-7  # a frequency of 0 would make one sample infinitely improbable


@dataclass(eq=False)
class NaivePredictor:
    """Predicts the same output for every sample, and measures it as the network is measured."""

    output: Tensor  # (K,), as the network gives it out
    metrics: EpochMetrics  # of its own, of the stage that evaluates
    is_empty: bool = True  # a step of one's own may mean other outputs, so that nothing is added

    def add(self, loss: Callable[..., Tensor], outputs: Tensor, targets: Tensor, weights: Tensor | None) -> None:
        """Take in a batch.

        What the naive model gives out has the shape of the network's outputs (B, K, ...). Weights are (B,).
        """
        places = (1,) * (outputs.ndim - 2)
        constant = self.output.to(outputs.dtype).view(1, -1, *places).expand_as(outputs)
        given = (constant, targets) if weights is None else (constant, targets, weights)
        self.metrics.add(loss(*given), constant, targets, weights)
        self.is_empty = False

    def compute(self) -> dict[str, Tensor]:
        """Return `test/naive_<metric>`; a metric that is no number for constant predictions is left out."""
        if self.is_empty:
            return {}
        self.is_empty = True  # the metrics begin anew with the next test
        found = self.metrics.compute()
        return {naive_name(name): value for name, value in found.items() if bool(torch.isfinite(value).all())}


def log_frequencies(counts: tuple[int, ...]) -> Tensor:
    """Return log p (K,) of classes that occurred so many times."""
    frequencies = torch.tensor(counts, dtype=torch.double)
    return (frequencies / frequencies.sum()).clamp(min=SMALLEST).log()


def label_logits(counts: tuple[int, ...], samples: int) -> Tensor:
    """Return log(p / (1 − p)) (K,) of labels that so many of the samples have."""
    return (torch.tensor(counts, dtype=torch.double) / samples).clamp(SMALLEST, 1 - SMALLEST).logit()
