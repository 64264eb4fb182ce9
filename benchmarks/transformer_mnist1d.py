"""The transformer of a baked project beside its MLP, on MNIST-1D.

    python benchmarks/transformer_mnist1d.py

The MLP is trained by the published protocol: Adam, 6000 steps. The transformer has its default sizes, 2000 steps of
AdamW and a warm-up; this was chosen by its accuracy on 400 validation signals (0.905 and 0.913 with two seeds), never
on the test. Both learn from all 4000 training signals in batches of 100, and their last weights are tested, once.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path
from statistics import mean
from typing import Any

from baked import PACKAGE, bake, described, environment

SHARED = (
    "data=mnist1d",
    "data.val_fraction=0",
    "trainer.max_epochs=-1",
    "checkpoint.test=last",
    "tracking=none",
    "figures=false",
)
NUMBERS = count()  # of the runs

MLP = ("model=mlp", "data.shuffle=false", "optimizer=adam", "optimizer.lr=0.01", "trainer.max_steps=6000")
TRANSFORMER = (
    "model=transformer",
    "optimizer=adamw",
    "optimizer.lr=0.003",
    "optimizer.weight_decay=0.05",
    "scheduler=warmup_cosine",
    "trainer.max_steps=2000",
)


def main() -> None:
    """Train both with each seed, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = bake(Path(folder))
        print(f"{'model':13}{'parameters':>12}{'mean':>8}  test accuracy of seeds {arguments.seeds} (seconds of fit)")
        for model in (MLP, TRANSFORMER):
            runs = [trained(project, [*model, f"seed={seed}"], arguments.threads) for seed in arguments.seeds]
            accuracies = [run["metrics"]["test/accuracy"] for run in runs]
            each = ", ".join(f"{run['metrics']['test/accuracy']:.3f} ({run['seconds']['fit']:.0f})" for run in runs)
            print(f"{model[0][6:]:13}{runs[0]['parameters']:>12}{mean(accuracies):>8.3f}  {each}", flush=True)
    print("\n" + ", ".join(f"{key} {value}" for key, value in described().items()))


def trained(project: Path, overrides: list[str], threads: int) -> dict[str, Any]:
    """Train in the project and return the summary of the run."""
    folder = f"runs/{next(NUMBERS)}"
    how = [*SHARED, f"hardware.threads={threads}", f"hydra.run.dir={folder}"]
    subprocess.run(
        [sys.executable, "-m", PACKAGE, "train", *overrides, *how],
        cwd=project,
        env=environment(project),
        check=True,
        capture_output=True,
    )
    return json.loads((project / folder / "summary.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
