"""A task as a program without this package: `torch.export`, and ONNX made of it; both say what they take and return."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from loguru import logger
from torch import Tensor
from torch.export import Dim, ExportedProgram

from ..data.description import described, readable
from ..data.panels.windows import Windows
from ..data.spec import DataSpec, GraphSpec, PanelSpec
from ..errors import UserError
from ..paths import shown
from .predictor import quiet, trace
from .samples import samples

SAMPLES = 8  # that the program is traced with; it is compared on another number
OUTPUT = "predictions"
ABOUT = "hyperplane"  # the key of what a file says of itself, as JSON
TOLERANCE = 1e-5  # of the largest prediction, of how far they lie apart if they are float64, or of 1 if that is smaller


def write_programs(
    task: LightningModule,
    spec: DataSpec,
    folder: Path,
    formats: Sequence[str],
    checkpoint: Mapping[str, Any] | None = None,
) -> dict[str, Path]:
    """Write `model.<format>` for each format, read it back, and compare it with the original; return the paths.

    What the data module keeps in the checkpoint says more of the inputs.

    Raises:
        RuntimeError: a program computes something else than the original; it is removed.
    """
    nodes = spec.num_nodes if isinstance(spec, GraphSpec) else 0  # which are predicted together
    traced = samples(task, spec, nodes or SAMPLES)
    any_batch = tuple(None if nodes else {0: Dim("batch")} for _ in traced)
    program = trace(task, traced, any_batch)
    about = described(spec, checkpoint or {}) | meaning(task, spec, traced)
    inputs = samples(task, spec, nodes or SAMPLES - 1)
    folder.mkdir(exist_ok=True)
    paths = {name: folder / f"model.{name}" for name in formats}
    for name, path in paths.items():
        partial = folder / f".partial.{name}"  # renamed when it is whole, and right
        try:
            with quiet():
                exported = (through_pt2 if name == "pt2" else through_onnx)(program, partial, inputs, about)
            difference = compared(task, inputs, exported, path)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        logger.success("{} differs from the original by at most {:.2g}", shown(path), difference)
    return paths


@torch.no_grad()
def compared(task: LightningModule, inputs: tuple[Tensor, ...], exported: Tensor, path: Path) -> float:
    """Return by how much what a program predicts differs from the original."""
    original = task(*inputs)
    difference = float((exported - original).abs().max())
    size = original - original.mean(0) if original.dtype == torch.double else original
    if not difference <= TOLERANCE * max(1.0, float(size.abs().max())):
        raise RuntimeError(f"{path} computed something else than the original: it differed by {difference:.2g}")
    return difference


def meaning(task: LightningModule, spec: DataSpec, inputs: tuple[Tensor, ...]) -> dict[str, Any]:
    """Return what a program takes and returns: names, shapes, types, and what stands at each place.

    Returns:
        `inputs`: of each name, shape, an example of it, type, features; `outputs`: name, shape, columns.
    """
    with torch.no_grad():
        outputs = task(*inputs)
    if not isinstance(outputs, Tensor):
        kind = type(outputs).__name__
        raise UserError(f"{type(task).__name__}.forward must return a tensor, not {kind}: a program has one output")
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
    return ["inputs"] if len(inputs) == 1 else list(Windows._fields[: len(inputs)])


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
