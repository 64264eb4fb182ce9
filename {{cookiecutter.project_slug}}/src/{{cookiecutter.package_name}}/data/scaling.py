"""Standardisation with the statistics of the training part; they are buffers, so they travel with the checkpoint."""

from typing import Any

import torch
from torch import Tensor, nn

from .spec import DataSpec


class Scaling(nn.Module):
    """z = (x − mean) / std for real inputs and real targets. Until `fit` is called it changes nothing.

    Integers (tokens, class numbers) and labels of 0 and 1 are no measurements, so they stay as they are.

    Args:
        spec: task and shapes of the data.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.input_mean: Tensor
        self.input_std: Tensor
        self.target_mean: Tensor
        self.target_std: Tensor
        self.has_labels = spec.task == "multilabel"
        targets = spec.output_size if spec.task == "regression" else 1
        self.register_buffer("input_mean", torch.zeros(spec.input_shape))
        self.register_buffer("input_std", torch.ones(spec.input_shape))
        self.register_buffer("target_mean", torch.zeros(targets))
        self.register_buffer("target_std", torch.ones(targets))
        self.register_load_state_dict_pre_hook(take_shapes)

    def fit(self, inputs: Tensor, targets: Tensor) -> None:
        """Take mean and standard deviation from training inputs (samples, *input_shape) and targets (samples, ...).

        What does not vary keeps its values.
        """
        if inputs.is_floating_point():
            self.input_mean, self.input_std = moments(inputs)
        if targets.is_floating_point() and not self.has_labels:
            self.target_mean, self.target_std = moments(targets)

    def forward(self, inputs: Tensor) -> Tensor:
        """Standardise real inputs."""
        return (inputs - self.input_mean) / self.input_std if inputs.is_floating_point() else inputs

    def scale_targets(self, targets: Tensor) -> Tensor:
        """Standardise real targets (samples, ...); class numbers stay."""
        return (targets - self.target_mean) / self.target_std if targets.is_floating_point() else targets

    def to_units(self, outputs: Tensor) -> Tensor:
        """Bring standardised targets or predictions (samples, K) back to the units of the data."""
        return outputs * self.target_std + self.target_mean


def take_shapes(scaling: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Make room for the statistics of a checkpoint: dense targets have some for each place."""
    for name, buffer in scaling.named_buffers():
        if f"{prefix}{name}" in state:
            setattr(scaling, name, buffer.new_empty(state[f"{prefix}{name}"].shape))


def moments(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation over samples; the deviation of what does not vary is 1."""
    std, mean = torch.std_mean(values.double(), dim=0, correction=0)
    return mean_and_std(mean, std)


def mean_and_std(mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation in single precision; the deviation of what does not vary is 1."""
    varies = std > 1e-12 * mean.abs().clamp(min=1)
    return mean.float(), torch.where(varies, std, 1.0).float()


class RunningMoments:
    """The moments of samples (samples, K) that come in chunks, after Chan, Golub & LeVeque 1983."""

    def __init__(self) -> None:
        self.samples = 0
        self.mean = torch.zeros(0, dtype=torch.double)
        self.squares = torch.zeros(0, dtype=torch.double)  # sum of the squared distances to the mean

    def add(self, values: Tensor) -> None:
        """Take in more samples."""
        if not len(values):
            return
        variance, mean = torch.var_mean(values.double(), dim=0, correction=0)
        before, self.samples = self.samples, self.samples + len(values)
        if not before:
            self.mean, self.squares = mean, variance * len(values)
            return
        shift = mean - self.mean
        self.mean = self.mean + shift * (len(values) / self.samples)
        self.squares = self.squares + variance * len(values) + shift**2 * (before * len(values) / self.samples)

    def result(self) -> tuple[Tensor, Tensor]:
        """Return what `moments` would return for all of them."""
        return mean_and_std(self.mean, (self.squares / self.samples).sqrt())
