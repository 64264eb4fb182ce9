"""Standardisation with the statistics of the training part; they are buffers, so they travel with the checkpoint.

Statistics and differences are taken in float64, and what comes out is cast: a float32 has seven digits, and those of a
time in seconds since 1970, or of a price far from 0, are used up before its spread begins.
"""

from collections.abc import Callable
from typing import Any, Self

import torch
from loguru import logger
from torch import Tensor, nn

from ..metrics.mean import wide
from .spec import DataSpec

# Of the standard deviation: a spacing of float32 numbers beyond it takes digits of what varies. Four of them stay.
COARSEST = 1e-4
ROUNDED = 1e-14  # of a mean: a spread below that is rounding


class Scaling(nn.Module):
    """z = (x − mean) / std for real inputs and real targets. Until `fit` is called it changes nothing.

    Integers (tokens, class numbers) and labels of 0 and 1 are no measurements, so they stay as they are; uint8 are
    pixels, and measured.
    """

    def __init__(self, spec: DataSpec) -> None:
        super().__init__()
        self.input_mean: Tensor
        self.input_std: Tensor
        self.target_mean: Tensor
        self.target_std: Tensor
        self.has_labels = spec.task == "multilabel"
        self.has_mask = spec.has_mask
        targets = spec.output_size if spec.task == "regression" else 1
        self.computes_in = torch.get_default_dtype()  # what a network receives
        self.register_buffer("input_mean", torch.zeros(spec.input_shape, dtype=torch.double))
        self.register_buffer("input_std", torch.ones(spec.input_shape, dtype=torch.double))
        self.register_buffer("target_mean", torch.zeros(targets, dtype=torch.double))
        self.register_buffer("target_std", torch.ones(targets, dtype=torch.double))
        self.register_load_state_dict_pre_hook(take_shapes)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Move the statistics as `fn` moves tensors, but keep their digits: only what comes out has its type."""
        probe = fn(torch.zeros((), dtype=self.computes_in))
        self.computes_in = probe.dtype
        for name, buffer in self.named_buffers(recurse=False):
            moved = buffer.float() if probe.device.type == "mps" else buffer  # which has nothing wider
            setattr(self, name, moved.to(probe.device))
        return self

    def fit(self, inputs: Tensor, targets: Tensor) -> None:
        """Take mean and standard deviation from training inputs (samples, *input_shape) and targets (samples, ...).

        What does not vary keeps its values.
        """
        if inputs.is_floating_point():
            self.input_mean, self.input_std = moments(inputs)
        if targets.is_floating_point() and not self.has_labels:
            self.target_mean, self.target_std = moments(targets)

    def forward(self, inputs: Tensor) -> Any:
        """Standardise real inputs, and cast them to the type of the network.

        Signals of unequal lengths (B, positions, channels) are NaN beyond their end: 0 stands there afterwards, and
        beside them is a mask (B, positions) that is false there.
        """
        if inputs.dtype == torch.uint8:  # 256 values: float32 loses none of them, and takes a third of the time
            centred = inputs.float().sub_(self.input_mean.float())
            return centred.div_(self.input_std.float()).to(self.computes_in)
        if not inputs.is_floating_point():
            return inputs
        scaled = ((wide(inputs) - self.input_mean) / self.input_std).to(self.computes_in)
        if not self.has_mask:
            return scaled
        mask = ~inputs.isnan().all(dim=-1)
        return torch.where(mask.unsqueeze(-1), scaled, 0.0), mask

    def scale_targets(self, targets: Tensor) -> Tensor:
        """Standardise real targets (samples, ...); class numbers stay."""
        if not targets.is_floating_point():
            return targets
        return ((wide(targets) - self.target_mean) / self.target_std).to(self.computes_in)

    def to_units(self, outputs: Tensor) -> Tensor:
        """Bring standardised targets or predictions (samples, K) back to the units of the data, in float64."""
        return wide(outputs) * self.target_std + self.target_mean


def take_shapes(scaling: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Make room for the statistics of a checkpoint: dense targets have some for each place."""
    for name, buffer in scaling.named_buffers():
        if f"{prefix}{name}" in state:
            setattr(scaling, name, buffer.new_empty(state[f"{prefix}{name}"].shape))


def moments(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and standard deviation over samples in float64; the deviation of what does not vary is 1."""
    std, mean = torch.std_mean(values.double(), dim=0, correction=0)
    return mean_and_std(mean, std)


def mean_and_std(mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Return both, where the deviation of what does not vary is 1."""
    varies = std > ROUNDED * mean.abs()  # whatever the unit is: fields of a brain are of 1e-13 tesla
    return mean, torch.where(varies, std, 1.0)


def loses_digits(mean: Tensor, std: Tensor) -> Tensor:
    """Say of what has these moments whether float32, without standardisation, would lose digits of its spread."""
    return mean.abs() * torch.finfo(torch.float32).eps > COARSEST * std


def warn_of_lost_digits(spec: DataSpec, inputs: Tensor, targets: Tensor) -> None:
    """Say what varies too little, for its size, to be told apart in the 32 bits that a step receives.

    Inputs (samples, features) and targets (samples, K) are in the units of the data; those of other shapes are not
    looked at.
    """
    for values, names in ((inputs, spec.feature_names), (targets, spec.target_names)):
        if values.dtype != torch.double or values.ndim != 2 or values.shape[1] != len(names) or not len(values):
            continue
        mean, std = moments(values)
        for k in loses_digits(mean, std).nonzero()[:3, 0].tolist():
            if values[:, k].min() < values[:, k].max():
                logger.warning(
                    "{} varies by {:.3g} around {:.6g}: without data.standardize=true its digits are lost",
                    names[k],
                    float(std[k]),
                    float(mean[k]),
                )
