"""Inputs of a task that a program is traced with, spread as those of the training were."""

from collections.abc import Sequence

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from ..data.panels.windows import Rows, windows_at
from ..data.scaling import loses_digits
from ..data.spec import DataSpec, PanelSpec
from ..errors import UserError
from ..tasks.task import Task


def samples(task: LightningModule, spec: DataSpec, number: int) -> tuple[Tensor, ...]:
    """Return inputs (number, *input_shape), or those of windows, that are spread as the training inputs were.

    They are of float64 where float32 would lose digits of what varies, as of seconds since 1970.

    A task's `example_input_array`, Lightning's word for such inputs, comes first.

    Raises:
        UserError: nothing says what they look like.
    """
    generator = torch.Generator().manual_seed(0)
    example = getattr(task, "example_input_array", None)
    if example is not None:
        return (example[torch.arange(number) % len(example)],)
    if isinstance(task, Task) and not isinstance(spec, PanelSpec):
        task.require_one_input()
    if not spec.input_shape:
        raise UserError(
            f"What {type(task).__name__} takes is not known: give the data's spec an input_shape, or the task an "
            "example_input_array"
        )
    if spec.num_tokens:
        return (torch.randint(spec.num_tokens, (number, *spec.input_shape), generator=generator),)
    scaling = getattr(task, "scaling", None)
    mean, std = (torch.zeros(()), torch.ones(())) if scaling is None else (scaling.input_mean, scaling.input_std)
    is_wide = not isinstance(spec, PanelSpec) and bool(loses_digits(mean, std).any())
    mean, std = (mean, std) if is_wide else (mean.float(), std.float())
    if not isinstance(spec, PanelSpec):
        inputs = torch.randn(number, *spec.input_shape, generator=generator) * std + mean
        return (shortened(inputs) if spec.has_mask else inputs,)
    length = spec.encoder_length + spec.decoder_length
    rows = Rows(
        series=torch.arange(number).repeat_interleave(length),
        time=torch.arange(length).repeat(number),
        reals=torch.randn(number * length, len(spec.reals), generator=generator) * std + mean,
        categoricals=categories(spec.categoricals, spec, number * length, generator),
        static=categories(spec.static_categoricals, spec, number * length, generator),
    )
    return tuple(windows_at(torch.arange(number) * length, rows, spec)[:-1])


def shortened(signals: Tensor) -> Tensor:
    """Return signals (B, positions, channels) of several lengths: NaN beyond their end."""
    lengths = signals.shape[1] - torch.arange(len(signals)) % signals.shape[1]
    return torch.where((torch.arange(signals.shape[1]) < lengths[:, None])[..., None], signals, torch.nan)


def categories(names: Sequence[str], panel: PanelSpec, rows: int, generator: torch.Generator) -> Tensor:
    """Return a category (rows, names) of each variable, drawn at random."""
    highest = torch.tensor([panel.cardinalities[name] for name in names])
    return (torch.rand(rows, len(names), generator=generator) * highest).long()
