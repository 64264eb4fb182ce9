"""The test metrics of members of a stack, beside those of the same jobs alone: MNIST-1D, one row for each model.

    python benchmarks/stacked_seeds.py
    python benchmarks/stacked_seeds.py --models cnn --seeds 5

Both sweeps train in single precision, on one thread. After some hundred steps a member is no longer its job alone to
the last digits, since sums are added in another order. So each pair has a seed in common, and its difference is shown
beside the spread over seeds: sample standard deviations; the standard error is that of the mean difference.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev

from baked import PACKAGE, bake, described, environment

EPOCHS = {"linear": 20, "svm": 20, "mlp": 20, "cnn": 8, "transformer": 4}
METRICS = ("test/accuracy", "test/loss")
HEAD = ("model", "epochs", "metric", "alone", "stacked", "difference", "standard error", "largest")


def main() -> None:
    """Train, and print a table as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=list(EPOCHS), choices=EPOCHS, help="to train")
    parser.add_argument("--seeds", type=int, default=20, help="of each model")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = bake(Path(folder))
        print(", ".join(f"{key} {value}" for key, value in described().items()))
        print("", "| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|", sep="\n")
        for model in wanted.models:
            alone, stacked = (sweep(project, launcher, model, wanted.seeds) for launcher in ("basic", "stacked"))
            for metric in METRICS:
                cells = compared([one[metric] for one in alone], [one[metric] for one in stacked])
                print("| " + " | ".join([model, str(EPOCHS[model]), metric, *cells]) + " |", flush=True)


def sweep(project: Path, launcher: str, model: str, seeds: int) -> list[dict[str, float]]:
    """Return the test metrics of the jobs of a sweep over seeds, in the order of the seeds."""
    words = [f"model={model}", "data=mnist1d", f"trainer.max_epochs={EPOCHS[model]}", f"seed=range({seeds})"]
    words += [f"hydra/launcher={launcher}", f"sweep={model}-{launcher}", "tracking=none", "hardware.threads=1"]
    words += ["hydra.launcher.n_jobs=1"] if launcher == "stacked" else []
    command = [sys.executable, "-m", PACKAGE, "train", "-m", *words]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=project, env=environment(project), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr[-3000:])
    print(f"{model}, {launcher}: {time.perf_counter() - began:.0f} s", file=sys.stderr)
    summaries = [
        json.loads(path.read_text()) for path in project.glob(f"runs/sweeps/{model}-{launcher}/*/summary.json")
    ]
    metrics: list[dict[str, float]] = [one["metrics"] for one in sorted(summaries, key=seed_of)]
    return metrics


def seed_of(summary: dict[str, list[str]]) -> int:
    """Return the seed of a job."""
    return next(int(word.partition("=")[2]) for word in summary["overrides"] if word.startswith("seed="))


def compared(alone: Sequence[float], stacked: Sequence[float]) -> list[str]:
    """Return the cells of a row that compare numbers of the same seeds."""
    differences = [ours - theirs for ours, theirs in zip(stacked, alone, strict=True)]
    spreads = [f"{mean(values):.4f} ± {stdev(values):.4f}" for values in (alone, stacked)]
    error = stdev(differences) / len(differences) ** 0.5
    return [*spreads, f"{mean(differences):+.1e}", f"{error:.1e}", f"{max(map(abs, differences)):.1e}"]


if __name__ == "__main__":
    main()
