"""A task as a program without this package: `torch.export`, and ONNX made of it."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from loguru import logger
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from .run_folder import shown
from .tasks.task import Task

SAMPLES = 8  # that the program is traced with; it is compared on another number
TOLERANCE = 1e-5  # of the largest prediction, or of 1 if that is smaller


class Predictor(nn.Module):
    """The part of a task that predicts: standardise, network, predictions in the units of the data."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.scaling = task.scaling
        self.network = task.network
        self.to_predictions = task.to_predictions

    def forward(self, inputs: Tensor) -> Tensor:
        """Map inputs (B, *input_shape) to predictions (B, K), as `Task.forward` does."""
        return self.to_predictions(self.network(self.scaling(inputs)))


def write_programs(task: Task, folder: Path, formats: Sequence[str]) -> dict[str, Path]:
    """Write `model.<format>` for each format, read it back, and compare it with the original.

    Returns:
        The path of each format.

    Raises:
        RuntimeError: a program computes something else than the original; it is removed.
    """
    with quiet():
        program = torch.export.export(
            Predictor(task).eval(), (samples(task, SAMPLES),), dynamic_shapes=({0: Dim("batch")},)
        )
    folder.mkdir(exist_ok=True)
    written: dict[str, Path] = {}
    for name in formats:
        path = written[name] = folder / f"model.{name}"
        inputs = samples(task, SAMPLES - 1)
        with quiet():
            exported = through_pt2(program, path, inputs) if name == "pt2" else through_onnx(program, path, inputs)
        with torch.inference_mode():
            original = task(inputs)
        difference = float((exported - original).abs().max())
        if not difference <= TOLERANCE * max(1.0, float(original.abs().max())):
            path.unlink()
            raise RuntimeError(f"{path} computed something else than the original: it differed by {difference:.2g}")
        logger.success("{} differs from the original by at most {:.2g}", shown(path), difference)
    return written


def samples(task: Task, number: int) -> Tensor:
    """Return inputs (number, *input_shape) that are spread as the training inputs were."""
    noise = torch.randn(number, *task.spec.input_shape, generator=torch.Generator().manual_seed(0))
    return noise * task.scaling.input_std + task.scaling.input_mean


def through_pt2(program: ExportedProgram, path: Path, inputs: Tensor) -> Tensor:
    """Write the program and return what the file makes of inputs."""
    torch.export.save(program, path)
    return torch.export.load(path).module()(inputs).detach()


def through_onnx(program: ExportedProgram, path: Path, inputs: Tensor) -> Tensor:
    """Write the program as ONNX and return what the file makes of inputs."""
    import onnxruntime

    onnx = torch.onnx.export(program, input_names=["inputs"], output_names=["predictions"], dynamo=True, verbose=False)
    assert onnx is not None
    onnx.save(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return torch.from_numpy(session.run(None, {"inputs": inputs.numpy()})[0])


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what torch says about itself while it exports; the comparison says what counts."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
