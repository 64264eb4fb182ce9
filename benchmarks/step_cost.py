"""What a training step of a baked project costs, over the same training written as a textbook PyTorch loop.

    python benchmarks/step_cost.py --model mlp

The cost of a step is the difference between a long and a short run, divided by the difference of their steps, so that
start-up cancels. It includes all that comes with a step: validation after each epoch, metrics, metrics.csv, an offline
W&B run, checkpoints. Each contender lives in a process of its own; they run one after the other and take turns in
every repeat, so that each ratio compares figures that were taken side by side.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median

from baked import bake, described, environment, spread

SHORT, LONG = 400, 4400  # steps
YARDSTICK = "textbook"
LABELS = {"textbook": "textbook PyTorch loop", "project": "this project's `train`", "usual": "usual Lightning recipe"}
MODELS = ("mlp", "linear", "cnn", "rnn")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--model", choices=MODELS, default="mlp", help="which network")
    parser.add_argument("--repeats", type=positive, default=5, help="how often each long and short run is made")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to this file as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        microseconds = measure(arguments.model, arguments.repeats, bake(Path(folder)))
    print(table(arguments.model, microseconds))
    if arguments.json:
        result = {"model": arguments.model, "steps": [SHORT, LONG], "microseconds": microseconds, **described()}
        arguments.json.write_text(json.dumps(result, indent=1) + "\n")


def positive(text: str) -> int:
    """Read a count from the command line."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def measure(model: str, repeats: int, project: Path) -> dict[str, list[float]]:
    """Return the microseconds of a step of each contender, one figure for each repeat."""
    os.environ.clear()
    os.environ.update(environment(project))
    contenders = {name: Contender(name, model, project) for name in ("project", "textbook", "usual")}
    microseconds: dict[str, list[float]] = {name: [] for name in LABELS}
    for contender in contenders.values():
        contender.seconds(SHORT)  # the first run loads and compiles; the project's makes the data that all three use
    for repeat in range(repeats):
        short = {name: contenders[name].seconds(SHORT) for name in LABELS}
        long = {name: contenders[name].seconds(LONG) for name in LABELS}
        for name, figures in microseconds.items():
            figures.append((long[name] - short[name]) / (LONG - SHORT) * 1e6)
        print(f"repeat {repeat + 1} of {repeats}", file=sys.stderr)
    for contender in contenders.values():
        contender.stop()
    return microseconds


class Contender:
    """A process that imports once and then trains whenever it is asked to."""

    def __init__(self, name: str, model: str, project: Path) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.name = name
        self.log = project.parent / f"{name}.log"
        self.connection, theirs = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(theirs, name, model, project, self.log), daemon=True)
        self.process.start()
        theirs.close()

    def seconds(self, steps: int) -> float:
        """Train for `steps` steps and return how long that took."""
        self.connection.send(steps)
        try:
            seconds: float = self.connection.recv()
        except EOFError:
            sys.exit(f"{LABELS[self.name]} failed:\n{self.log.read_text()[-4000:]}")
        return seconds

    def stop(self) -> None:
        """End the process."""
        self.connection.close()
        self.process.join()


def serve(connection: Connection, name: str, model: str, project: Path, log: Path) -> None:
    """Train as often as the other end of `connection` asks for it; messages go to the file `log`."""
    sys.stdout.flush()
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(project)
    sys.path.insert(0, str(project / "src"))  # a spawned process takes its parent's path, not PYTHONPATH
    from contenders import CONTENDERS  # imports torch, which the parent does not need

    while True:
        try:
            steps = connection.recv()
        except EOFError:
            return
        connection.send(CONTENDERS[name](model, steps))


def table(model: str, microseconds: dict[str, list[float]]) -> str:
    """Return medians and ranges; the ratio is the median of the ratios within each repeat."""
    repeats = len(microseconds[YARDSTICK])
    lines = [
        f"A training step of model={model} data=mnist1d, batch 100, one thread; median (range) of {repeats} repeats",
        "",
        f"{'':24}{'µs a step':24}over the textbook loop",
    ]
    for name, figures in microseconds.items():
        ratios = [ours / theirs for ours, theirs in zip(figures, microseconds[YARDSTICK], strict=True)]
        shown = spread(ratios, 2) if name != YARDSTICK else f"{median(ratios):.2f}"
        lines.append(f"{LABELS[name]:24}{spread(figures, 0):24}{shown}")
    return "\n".join([*lines, "", ", ".join(f"{key} {value}" for key, value in described().items())])


if __name__ == "__main__":
    main()
