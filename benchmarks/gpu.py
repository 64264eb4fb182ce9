"""Training steps on a GPU: the textbook loop, what makes it faster one thing after the other, this project, its stacks.

    python benchmarks/gpu.py                        needs a GPU; without one it says so
    python benchmarks/gpu.py --device cpu --quick   every line but the CUDA graphs, to see that it runs

The small models of contenders.py, and a Transformer large enough to fill a GPU, all on MNIST-1D. The last column is the
fraction of the device's peak: floating point operations of a step, counted by torch.utils.flop_counter, over its time.
Of the small models a stack of jobs follows (`hydra/launcher=stacked`): a step by member, by the clock, from the fifth
epoch on, with validation, metrics, checkpoints and tracking.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from baked import PACKAGE, bake, described, environment, layers
from contenders import TRAIN, Training, network_of, signals
from measuring import spread
from side_by_side import Contender
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

# Dense peaks in 10¹² operations a second: float32 and bfloat16 with float32 sums. Source: NVIDIA's data sheets.
PEAKS = {
    "H200": (67, 989),
    "H100 PCIe": (51, 756),
    "H100": (67, 989),  # SXM
    "A100": (19.5, 312),
    "L40S": (91.6, 362),
    "L4": (30.3, 121),
    "A10": (31.2, 125),
}
TRANSFORMER = {"patch_size": 1, "model_size": 1024, "num_heads": 16, "num_layers": 12, "feedforward_size": 4096}
TINY = {"patch_size": 4, "model_size": 32, "num_heads": 4, "num_layers": 2, "feedforward_size": 64}
SHORT = 36  # steps of the short run of `train`
MODELS = ("linear", "mlp", "cnn", "rnn", "transformer")


class Way(NamedTuple):
    """How the loop is written; each has what the one before has."""

    name: str
    resident: bool = True  # data on the device, and no `.item()` in the loop
    bf16: bool = False
    compiled: bool = False
    graph: bool = False  # a whole step is one CUDA graph


WAYS = (
    Way("textbook loop: batches copied, loss.item() in every step", resident=False),
    Way("data on the device, no synchronisation"),
    Way("… and bfloat16", bf16=True),
    Way("… and torch.compile", bf16=True, compiled=True),
    Way("bfloat16 and a CUDA graph of the whole step", bf16=True, graph=True),
)
# Words of the project's command.
BF16 = "hardware.precision=bf16-mixed"
OURS = ((), (BF16,), (BF16, "hardware.compile=true"))
EPOCH = TRAIN // 100  # steps


class Work(NamedTuple):
    """A model and how it is trained."""

    model: str
    batch: int
    make: Callable[[], nn.Module]
    overrides: tuple[str, ...]  # of the project's command


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS, metavar="MODEL")
    parser.add_argument("--quick", action="store_true", help="few steps of a tiny Transformer")
    parser.add_argument("--peak-tflops", type=float, help="of the device in bfloat16, where it is not known")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to this file as well")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print("There is no GPU here, so nothing was measured. `--device cpu --quick` shows that the script runs.")
        return
    arguments.json = arguments.json and arguments.json.resolve()
    device = torch.device(arguments.device)
    torch.set_num_threads(1)  # as the project does
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        place = bake(Path(folder))
        variables = environment(place)
        os.environ.clear()
        os.environ.update(variables)
        os.chdir(place)
        sys.path[:0] = layers(place)
        with Contender("project", place) as ours, Contender("stack by the clock", place) as stack:
            ours.train("linear", 1)  # makes the data
            for model in arguments.models:
                work = work_of(model, arguments.quick)
                print(f"\n{model}, batches of {work.batch}, {name}\n", flush=True)
                peaks = peaks_of(name, arguments.peak_tflops)
                found[model] = measure(work, device, arguments.quick, peaks, ours)
                if model != "transformer":
                    measure_stack(work, device, arguments.quick, peaks, stack, found[model])
                if arguments.json:
                    results = {"microseconds": found, "device": name, **described()}
                    arguments.json.write_text(json.dumps(results, indent=1) + "\n")
        os.chdir("/")
    print("\n" + ", ".join(f"{key} {value}" for key, value in (described() | {"device": name}).items()))


def peaks_of(name: str, given: float | None) -> tuple[float | None, float | None]:
    """Return the device's peak in float32 and in bfloat16, in 10¹² operations a second, as far as they are known."""
    known = next((peaks for part, peaks in PEAKS.items() if all(word in name for word in part.split())), (None, None))
    return known[0], given or known[1]


def work_of(model: str, quick: bool) -> Work:
    """Return what is trained."""
    if model != "transformer":
        return Work(model, 100, lambda: network_of(Training(model, 0)), ())
    sizes = TINY if quick else TRANSFORMER
    spec = import_module(f"{PACKAGE}.data.mnist1d").MNIST1D(batch_size=100, val_fraction=0.1, seed=0)
    spec.setup()
    make = import_module(f"{PACKAGE}.models.transformer").Transformer
    overrides = tuple(f"model.{key}={value}" for key, value in sizes.items())
    return Work(model, 100 if quick else 1200, lambda: make(spec.spec, **sizes), overrides)


def measure(
    work: Work, device: torch.device, quick: bool, peaks: tuple[float | None, float | None], ours: Contender
) -> dict[str, list[float]]:
    """Measure a model in every way, print the table, and return microseconds of a step, one for each repeat."""
    steps = 5 if quick else 300 if work.model != "transformer" else 30
    operations = operations_of(work)
    found: dict[str, list[float]] = {}
    print("| | µs a step | over the textbook loop | of the peak |\n|---|---|---|---|")
    for way in WAYS:
        if way.graph and device.type != "cuda":
            print(f"| {way.name} | needs CUDA | | |")
            continue
        try:
            found[way.name] = microseconds(work, way, device, steps, repeats=2 if quick else 7)
        except Exception as error:  # the others go on
            print(f"| {way.name} | failed: {str(error).strip().splitlines()[0][:200]} | | |")
            continue
        print(line(way.name, found, operations, peaks[way.bf16]), flush=True)
    accelerator = "gpu" if device.type == "cuda" else "cpu"
    for words in OURS:
        hardware = (f"hardware={accelerator}", *words)
        name = f"this project, {' '.join(hardware)}"
        long = 180 if quick else 10 * steps
        try:
            overrides = (*work.overrides, *hardware)
            of_project(work, ours, SHORT + 1, overrides)  # compiles
            found[name] = [of_project(work, ours, long, overrides) for _ in range(1 if quick else 5)]
        except RuntimeError as error:
            print(f"| {name} | failed: {str(error).strip().splitlines()[-1][:200]} | | |")
            continue
        print(line(name, found, operations, peaks[BF16 in words]), flush=True)
    return found


def measure_stack(
    work: Work,
    device: torch.device,
    quick: bool,
    peaks: tuple[float | None, float | None],
    stack: Contender,
    found: dict[str, list[float]],
) -> None:
    """Measure a stack of jobs, print lines of the table, and add microseconds of a step by member to what was found."""
    members, epochs = (4, 6) if quick else (32, 14)
    operations = operations_of(work)
    accelerator = "gpu" if device.type == "cuda" else "cpu"
    for words in OURS:
        hardware = (f"hardware={accelerator}", *words)
        name = f"a stack of {members} jobs, by job, {' '.join(hardware)}"
        try:
            found[name] = [
                stack.train(work.model, epochs * EPOCH, members=members, overrides=hardware).loop / members * 1e6
                for _ in range(1 if quick else 5)
            ]
        except RuntimeError as error:
            print(f"| {name} | failed: {str(error).strip().splitlines()[-1][:200]} | | |")
            continue
        print(line(name, found, operations, peaks[BF16 in words]), flush=True)


def line(name: str, found: dict[str, list[float]], operations: int, peak: float | None) -> str:
    """Return a line of the table."""
    step = median(found[name])
    textbook = found.get(WAYS[0].name)
    ratio = f"{step / median(textbook):.2f}" if textbook else ""
    share = f"{operations / step * 1e6 / (peak * 1e12):.1%}" if peak and operations else "–"
    return f"| {name} | {spread(found[name], 0)} | {ratio} | {share} |"


def operations_of(work: Work) -> int:
    """Return the floating point operations of a step: matrix products and convolutions, forward and backward.

    0 where they cannot be counted, as inside a GRU of cuDNN.
    """
    inputs, targets = signals()
    with FlopCounterMode(display=False) as counter:
        cross_entropy(work.make()(shaped(work, inputs[: work.batch])), targets[: work.batch]).backward()
    return 0 if work.model == "rnn" else counter.get_total_flops()


def shaped(work: Work, inputs: Tensor) -> Tensor:
    """Return inputs as the network reads them: the project's has channels, (B, 40, 1)."""
    return inputs.unsqueeze(2) if work.model == "transformer" else inputs


def of_project(work: Work, ours: Contender, long: int, overrides: tuple[str, ...]) -> float:
    """Return the microseconds of a step of the command `train`: a long run less a short one."""
    short, whole = (
        ours.train(work.model, steps, batch=work.batch, overrides=overrides).loop for steps in (SHORT, long)
    )
    return (whole - short) / (long - SHORT) * 1e6


def microseconds(work: Work, way: Way, device: torch.device, steps: int, repeats: int) -> list[float]:
    """Return the microseconds of a step, one figure for each repeat."""
    torch.manual_seed(0)
    inputs, targets = signals()
    inputs, targets = shaped(work, inputs[:TRAIN]), targets[:TRAIN]
    if way.resident:
        inputs, targets = inputs.to(device), targets.to(device)
    network = work.make().to(device)
    optimizer = torch.optim.Adam(network.parameters(), fused=way.resident, capturable=way.graph)
    if way.compiled:
        network.compile()
    precision = torch.autocast(device.type, torch.bfloat16) if way.bf16 else nullcontext()

    def step(x: Tensor, y: Tensor) -> Tensor:
        with precision:
            loss = cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    if way.graph:
        step = captured(step, inputs[: work.batch].clone(), targets[: work.batch].clone())

    def train(number: int) -> None:
        done = 0
        while done < number:
            for indices in torch.randperm(TRAIN, device=inputs.device).split(work.batch)[: number - done]:
                loss = step(inputs[indices].to(device), targets[indices].to(device))
                if not way.resident:
                    loss.item()
                done += 1

    train(3)  # compiles
    found = []
    for _ in range(repeats):
        synchronize(device)
        start = time.perf_counter()
        train(steps)
        synchronize(device)
        found.append((time.perf_counter() - start) / steps * 1e6)
    return found


def captured(step: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """Return a step that replays one CUDA graph: the whole step is one launch.

    https://docs.pytorch.org/docs/stable/notes/cuda.html#whole-network-capture
    """
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # what is made once must exist before the capture
        for _ in range(3):
            step(x, y)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step(x, y)

    def replay(inputs: Tensor, targets: Tensor) -> Tensor:
        x.copy_(inputs)
        y.copy_(targets)
        graph.replay()
        return loss

    return replay


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was asked to."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
