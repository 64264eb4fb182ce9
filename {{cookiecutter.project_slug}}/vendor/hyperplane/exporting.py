"""A task as a program without this package: `torch.export`, and ONNX made of it; both say what they take and return."""

import contextlib
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.model_helpers import is_overridden
from loguru import logger
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from .data.description import described, readable
from .data.panels.scaling import restored
from .data.panels.windows import Rows, Windows, windows_at
from .data.scaling import loses_digits
from .data.spec import DataSpec, GraphSpec, PanelSpec
from .errors import UserError, first_line
from .paths import shown
from .tasks.task import Task

SAMPLES = 8  # that the program is traced with; it is compared on another number
OUTPUT = "predictions"
ABOUT = "hyperplane"  # the key of what a file says of itself, as JSON
TOLERANCE = 1e-5  # of the largest prediction, or of 1 if that is smaller


class Predictor(nn.Module):
    """The part of a task that predicts: of a `Task` standardise, network, predictions in the units of the data."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.scaling = task.scaling
        self.network = task.network
        self.to_predictions = task.to_predictions
        self.prepared = task.prepared
        # float32 says nothing finer than 128 seconds of a time since 1970
        self.is_wide = bool(loses_digits(task.scaling.target_mean, task.scaling.target_std).any())

    def forward(self, *inputs: Tensor) -> Tensor:
        """Map inputs (B, ...) to predictions (B, ...), as `Task.forward` does."""
        if not hasattr(self.scaling, "by_window"):
            predictions = self.to_predictions(self.network(*self.prepared(*inputs)))
            return predictions if self.is_wide else predictions.float()
        windows, level = self.scaling.by_window(*self.scaling(*inputs))
        return self.to_predictions(restored(self.network(*windows), level)).float()


class Forward(nn.Module):
    """A `forward` of a LightningModule's own, whatever it calls its inputs."""

    def __init__(self, task: LightningModule) -> None:
        super().__init__()
        self.task = task

    def forward(self, *inputs: Tensor) -> Any:
        """Return what the task makes of inputs (B, ...)."""
        return self.task(*inputs)


def write_programs(
    task: LightningModule,
    spec: DataSpec,
    folder: Path,
    formats: Sequence[str],
    checkpoint: Mapping[str, Any] | None = None,
) -> dict[str, Path]:
    """Write `model.<format>` for each format, read it back, and compare it with the original.

    Args:
        task: with its weights.
        spec: of the data.
        folder: of the files.
        formats: pt2, onnx.
        checkpoint: what the data module keeps there says more of the inputs.

    Returns:
        The path of each format.

    Raises:
        RuntimeError: a program computes something else than the original; it is removed.
    """
    nodes = spec.num_nodes if isinstance(spec, GraphSpec) else 0  # which are predicted together
    traced = samples(task, spec, nodes or SAMPLES)
    any_batch = tuple(None if nodes else {0: Dim("batch")} for _ in traced)
    program = trace(task, traced, any_batch)
    about = described(spec, checkpoint or {}) | meaning(task, spec, traced)
    folder.mkdir(exist_ok=True)
    written: dict[str, Path] = {}
    for name in formats:
        path = written[name] = folder / f"model.{name}"
        partial = folder / f".partial.{name}"  # renamed when it is whole, and right
        inputs = samples(task, spec, nodes or SAMPLES - 1)
        try:
            with quiet():
                through = through_pt2 if name == "pt2" else through_onnx
                exported = through(program, partial, inputs, about)
            with torch.no_grad():
                original = task(*inputs)
            difference = float((exported - original).abs().max())
            if not difference <= TOLERANCE * max(1.0, float(original.abs().max())):
                raise RuntimeError(f"{path} computed something else than the original: it differed by {difference:.2g}")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        logger.success("{} differs from the original by at most {:.2g}", shown(path), difference)
    return written


def meaning(task: LightningModule, spec: DataSpec, inputs: tuple[Tensor, ...]) -> dict[str, Any]:
    """Return what a program takes and returns: names, shapes, types, and what stands at each place.

    Returns:
        `inputs`: of each name, shape, an example of it, type, features; `outputs`: name, shape, columns.
    """
    with torch.no_grad():
        outputs = task(*inputs)
    features: dict[str, Sequence[str]] = {"inputs": spec.feature_names}
    if isinstance(spec, PanelSpec):
        features = {
            "static": spec.static_categoricals,
            "past_reals": spec.reals,
            "past_categoricals": spec.categoricals,
            "future_reals": spec.known_reals,
            "future_categoricals": spec.known_categoricals,
        }
    first = spec.num_nodes if isinstance(spec, GraphSpec) else "batch"
    taken = [
        {
            "name": name,
            "shape": [first, *tensor.shape[1:]],
            "example_shape": [1 if first == "batch" else first, *tensor.shape[1:]],
            "type": str(tensor.dtype).removeprefix("torch."),
            "features": list(features.get(name, ())),
        }
        for name, tensor in zip(input_names(inputs), inputs, strict=True)
    ]
    columns = list(getattr(task, "prediction_names", ()))
    return {"inputs": taken, "outputs": {"name": OUTPUT, "shape": [first, *outputs.shape[1:]], "columns": columns}}


def input_names(inputs: Sequence[Tensor]) -> list[str]:
    """Return the names of the inputs of a program."""
    return ["inputs"] if len(inputs) == 1 else list(Windows._fields[: len(inputs)])


def trace(task: LightningModule, inputs: tuple[Tensor, ...], any_batch: tuple[Any, ...]) -> ExportedProgram:
    """Return the program of a task, for any number of samples.

    Raises:
        UserError: it cannot be traced, as where Python decides by the values of tensors.
    """
    module = predictor(task).eval()
    try:
        with quiet():
            return torch.export.export(module, inputs, dynamic_shapes=(any_batch,))
    except Exception as error:
        if isinstance(module, Predictor):
            raise
        raise UserError(
            f"{type(task).__name__}.forward cannot be traced with inputs {tuple(inputs[0].shape)}: {first_line(error)}"
        ) from error


def predictor(task: LightningModule) -> nn.Module:
    """Return the part of a task that predicts; of a LightningModule with a `forward` of its own that.

    Raises:
        UserError: it has none.
    """
    if isinstance(task, Task) and type(task).forward is Task.forward:
        return Predictor(task)
    if not is_overridden("forward", task):
        raise UserError(f"{type(task).__name__} has no forward(self, inputs), so there is nothing to export")
    return Forward(task)


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


def through_pt2(program: ExportedProgram, path: Path, inputs: Sequence[Tensor], about: Mapping[str, Any]) -> Tensor:
    """Write the program and return what the file makes of inputs."""
    torch.export.save(program, path, extra_files={ABOUT: json.dumps(about)})
    return torch.export.load(path).module()(*inputs).detach()


def through_onnx(program: ExportedProgram, path: Path, inputs: Sequence[Tensor], about: Mapping[str, Any]) -> Tensor:
    """Write the program as ONNX and return what the file makes of inputs."""
    import onnxruntime

    names = input_names(inputs)
    onnx = torch.onnx.export(program, input_names=names, output_names=[OUTPUT], dynamo=True, verbose=False)
    assert onnx is not None
    expected = {entry.name for entry in onnx.model.graph.inputs}  # without what the program never looks at
    taken = [one for one in about["inputs"] if one["name"] in expected]
    onnx.model.metadata_props.update({ABOUT: json.dumps({**about, "inputs": taken}), **readable(about)})
    onnx.save(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True) if name in expected}
    return torch.from_numpy(session.run(None, given)[0])


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what torch says about itself while it exports; the comparison says what counts."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
