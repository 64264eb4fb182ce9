"""How long `report` and `runs` take on a thousand runs, and how much memory, beside importing what they draw with.

python benchmarks/report.py
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

from baked import PACKAGE, bake, described, environment, spread

SWEEP = "runs/sweeps/synthetic"
COMMANDS = {
    'python -c "import matplotlib, numpy"': ["-c", "import numpy, matplotlib.figure, matplotlib.backends.backend_agg"],
    "report, table and pictures": ["-m", f"{PACKAGE}.report", SWEEP],
    "report --compare --group-by": [
        *("-m", f"{PACKAGE}.report", SWEEP, "--group-by", "model", "--group-by", "model.dropout"),
        *("--compare", "model=mlp", "model=cnn", "--metric", "test/accuracy", "--metric", "test/loss"),
    ],
    "runs list": ["-m", f"{PACKAGE}.runs", "list"],
    "runs list --where --sort --json": [
        *("-m", f"{PACKAGE}.runs", "list", "--where", "model=mlp", "--sort", "test/accuracy", "--json"),
    ],
}
SETTINGS = {
    "model": ["linear", "mlp", "cnn", "rnn"],
    "optimizer.lr": ["0.0003", "0.001", "0.003", "0.01", "0.03"],
    "data.batch_size": ["10", "20", "50", "100", "200"],
    "model.dropout": ["0.0", "0.1"],
}
CHOICES = {
    "data": "mnist1d",
    **{"optimizer": "adam", "scheduler": "none", "loss": "auto", "hardware": "cpu", "tracking": "none"},
    "experiment": None,
}
SEEDS = 5
EPOCHS = 150


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--repeats", type=int, choices=range(1, 101), metavar="N", default=5, help="1 to 100")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to this file as well")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave the project with its runs there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        project = bake(arguments.keep or Path(temporary))
        runs = write_sweep(project)
        figures = measure(project, arguments.repeats)

    print(f"{runs} runs of {EPOCHS} epochs. Cold start to end; median (range) of {arguments.repeats} repeats\n")
    print(f"{'':40}{'seconds':24}{'of the processor':24}peak memory, MiB")
    for name, found in figures.items():
        times = [spread(found[kind], 2) for kind in ("seconds", "processor_seconds")]
        print(f"{name:40}{times[0]:24}{times[1]:24}{spread(found['mebibytes'], 0)}")
    print("\n" + ", ".join(f"{key} {value}" for key, value in described().items()))
    if arguments.json:
        arguments.json.write_text(json.dumps({"figures": figures, **described()}, indent=1) + "\n")


def write_sweep(project: Path) -> int:
    """Write a synthetic sweep as `train` would leave it, 3 % of its jobs failed or unfinished; return how many."""
    sys.path.insert(0, str(project / "src"))
    integrity = import_module(f"{PACKAGE}.running.integrity")
    noise = random.Random(0)
    jobs = [*product(*SETTINGS.values(), range(SEEDS))]
    # The config of a real run, so that files have their real sizes.
    config = subprocess.run(
        [sys.executable, "-m", f"{PACKAGE}.train", "--cfg", "job"],
        cwd=project,
        env=environment(project),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for i, (*values, seed) in enumerate(jobs):
        overrides = [f"{key}={value}" for key, value in zip(SETTINGS, values, strict=True)] + [f"seed={seed}"]
        folder = project / SWEEP / f"job-{i:04}"
        (folder / ".hydra").mkdir(parents=True)
        (folder / ".hydra" / "config.yaml").write_text(config)
        (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {text}\n" for text in overrides))
        choices = {"model": values[0], **CHOICES}
        lines = [f"      {group}: {choice or 'null'}\n" for group, choice in choices.items()]
        hydra = ["hydra:\n  runtime:\n    choices:\n", *lines, "  verbose: false\n"]
        (folder / ".hydra" / "hydra.yaml").write_text("".join(hydra))
        rows = curve(values, noise)
        write_metrics(folder / "metrics.csv", rows)
        status = {0: "failed", 50: None}.get(i % 67 if i % 67 in (0, 50) else -1, "completed")
        if status:
            summary = summarized(status, overrides, choices, seed, rows[-1])
            (folder / "summary.json").write_text(json.dumps(integrity.seal(summary, folder), indent=1) + "\n")
    return len(jobs)


def curve(values: list[str], noise: random.Random) -> list[dict[str, float]]:
    """Return the metrics of each epoch: accuracies that rise to what depends on the settings, and a little chance."""
    model, rate, batch, dropout = values
    best = {"linear": 0.33, "mlp": 0.66, "cnn": 0.93, "rnn": 0.9}[model]
    best -= 0.04 * abs(math.log10(float(rate) / 0.003)) + 0.01 * abs(math.log10(float(batch) / 50))
    best += 0.1 * float(dropout) + noise.gauss(0, 0.01)
    rows = []
    for epoch in range(EPOCHS):
        accuracy = best - (best - 0.1) * math.exp(-epoch / 20) + noise.gauss(0, 0.01)
        rows.append({"loss": -math.log(max(0.05, accuracy)), "accuracy": accuracy})
    return rows


def write_metrics(path: Path, rows: list[dict[str, float]]) -> None:
    lines = ["epoch,step,val/loss,val/accuracy,train/loss,train/accuracy,test/loss,test/accuracy"]
    for epoch, row in enumerate(rows):
        loss, accuracy = row.values()
        lines.append(f"{epoch},{36 * epoch + 35},{loss},{accuracy},{0.9 * loss},{accuracy + 0.02},,")
    path.write_text("\n".join(lines) + "\n")


def summarized(
    status: str, overrides: list[str], choices: dict[str, str | None], seed: int, last: dict[str, float]
) -> dict[str, Any]:
    """Return a summary of the shape and size that `train` writes."""
    metrics = {f"{stage}/{name}": value for stage in ("val", "train", "test") for name, value in last.items()}
    return {
        "status": status,
        "metrics": metrics if status == "completed" else {},
        "overrides": overrides,
        "choices": choices,
        "seed": seed,
        "steps": 36 * EPOCHS,
        "epochs": EPOCHS,
        "parameters": 15210,
        "input_shape": [40, 1],
        "seconds": {"startup": 3.1, "fit": 5.2, "test": 0.1, "total": 8.4},
        "checkpoint": {"best": "checkpoints/best.ckpt", "last": "checkpoints/last.ckpt", "tested": "best"},
        "git": {"commit": 40 * "0", "dirty": False},
        "versions": {"python": "3.11.7", "torch": "2.13.0", "lightning": "2.6.6", "numpy": "2.4.6"},
        "hardware": {"accelerator": "cpu", "devices": 1, "precision": "32-true", "threads": 1},
        "error": None if status == "completed" else "ValueError: a synthetic failure",
    }


def measure(project: Path, repeats: int) -> dict[str, dict[str, list[float]]]:
    """Return seconds, those of the processor, which others on the machine matter less to, and peak memory.

    A figure for each repeat of each command; the commands take turns.
    """
    kinds = ("seconds", "processor_seconds", "mebibytes")
    figures: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in kinds} for name in COMMANDS}
    surroundings = environment(project)
    for repeat in range(repeats + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            process = subprocess.Popen(
                [sys.executable, *command], cwd=project, env=surroundings, stdout=subprocess.DEVNULL
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                sys.exit(f"{name} failed")
            if repeat:  # the first round compiles modules and reads files from the disk
                peak = used.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
                values = (time.perf_counter() - start, used.ru_utime + used.ru_stime, peak)
                for kind, value in zip(kinds, values, strict=True):
                    figures[name][kind].append(value)
    return figures


if __name__ == "__main__":
    main()
