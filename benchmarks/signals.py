"""Models of a baked project on signals at their defaults, beside MiniROCKET of aeon on the same training signals.

    python benchmarks/signals.py --signals gun_train.npz:gun_test.npz vowels_train.ts:vowels_test.ts
    python benchmarks/signals.py --signals gun_train.npz:gun_test.npz --models cnn rocket --aeon ~/aeon/bin/python

aeon is no dependency of the project or the template: `--aeon` names an interpreter that has it. Without it, its column
stays empty; where it cannot serve, as with unequal lengths, too. Accuracy for classes, R² for values; mean ± sample
standard deviation over the seeds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from baked import PACKAGE, bake, described, environment, layers
from baselines import Table, load, spread

MODELS = ("linear", "mlp", "cnn", "rnn", "rocket")
# What aeon's interpreter runs: fit to the training signals of an archive, and print the score of its test.
REFERENCE = """
import sys, warnings
import numpy as np
warnings.simplefilter("ignore")
from aeon.classification.convolution_based import MiniRocketClassifier
from aeon.regression.convolution_based import MiniRocketRegressor
data = np.load(sys.argv[1])
kind = MiniRocketClassifier if data["y"].dtype.kind == "i" else MiniRocketRegressor
model = kind(random_state=int(sys.argv[2])).fit(data["X"], data["y"])
predicted, true = model.predict(data["X_test"]), data["y_test"]
error = ((predicted - true) ** 2).sum() / ((true - true.mean()) ** 2).sum()
print((predicted == true).mean() if kind is MiniRocketClassifier else 1 - error)
"""


def main() -> None:
    """Train, and print a table as Markdown with every place where a model of the project lies below the reference."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--signals", nargs="+", required=True, help="files as train:test")
    parser.add_argument("--models", nargs="+", default=list(MODELS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--aeon", help="an interpreter that has aeon")
    arguments = parser.parse_args()
    print("| data | signals | positions × channels | metric | floor | aeon | " + " | ".join(arguments.models) + " |")
    print("|---|---:|---:|---|---:|---:|" + "---:|" * len(arguments.models))
    behind: list[str] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = bake(Path(folder))
        sys.path[:0] = layers(project)
        for text in arguments.signals:
            behind += compare(project, signals(text), arguments)
    print("\nBelow aeon's MiniROCKET in the mean:", "; ".join(behind) or "nowhere")
    print("\n" + ", ".join(f"{key} {value}" for key, value in described().items()))


def signals(text: str) -> Table:
    """Return the data that `train.npz:test.npz` names."""
    train, _, test = text.partition(":")
    name = Path(train).stem.lower().removesuffix("_train")
    return Table(name, ("data=signals", f"data.path={Path(train).resolve()}", f"data.test_path={Path(test).resolve()}"))


def compare(project: Path, table: Table, arguments: argparse.Namespace) -> list[str]:
    """Print the row of a data set, and return where models lie below the reference."""
    runs = trained(project, table, arguments.models, arguments.seeds)
    data = load(project, table, 0)
    name = "accuracy" if data.spec.task == "classification" else "r2"
    scores = {
        model: [run["metrics"][f"test/{name}"] for run in runs if run["choices"]["model"] == model]
        for model in arguments.models
    }
    floor = [run["metrics"][f"test/naive_{name}"] for run in runs if run["choices"]["model"] == arguments.models[0]]
    reference = [aeon(arguments.aeon, load(project, table, seed), seed) for seed in arguments.seeds]
    known = [score for score in reference if score is not None]
    lengths, shape = ["", "up to "][data.spec.has_mask], " × ".join(map(str, data.spec.input_shape))
    figures = [spread(floor), spread(known) if known else "–", *map(spread, scores.values())]
    metric = {"r2": "R²"}.get(name, name)
    print(
        " | ".join([f"| {table.name}", str(data.spec.train_size), lengths + shape, metric, *figures]) + " |", flush=True
    )
    against = mean(known) if known else -np.inf
    return [
        f"{model} on {table.name} {mean(of_model) - against:+.3f}"
        for model, of_model in scores.items()
        if mean(of_model) - against < -0.0005
    ]


def trained(project: Path, table: Table, models: Sequence[str], seeds: Sequence[int]) -> list[dict[str, Any]]:
    """Return the summaries of all runs, which are jobs of one multirun."""
    words = [*table.words, f"model={','.join(models)}", f"seed={','.join(map(str, seeds))}", f"sweep={table.name}"]
    how = ["tracking=none", "figures=false", "hardware=cpu", "hardware.threads=1", "hydra/launcher=basic"]
    command = [sys.executable, "-m", PACKAGE, "train", "-m", *words, *how]
    subprocess.run(command, cwd=project, env=environment(project), check=True, capture_output=True)
    return [json.loads(path.read_text()) for path in (project / "runs/sweeps" / table.name).glob("*/summary.json")]


def aeon(interpreter: str | None, data: Any, seed: int) -> float | None:
    """Return the test score of aeon's MiniROCKET, fitted to the training signals alone; None where it has none."""
    if interpreter is None or data.spec.has_mask:
        return None
    (inputs, targets), (test_inputs, test_targets) = data.arrays("train"), data.arrays("test")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "signals.npz")
        as_columns = {"y": targets.squeeze(), "y_test": test_targets.squeeze()}
        np.savez(path, X=inputs.transpose(0, 2, 1), X_test=test_inputs.transpose(0, 2, 1), **as_columns)
        done = subprocess.run(
            [interpreter, "-c", REFERENCE, str(path), str(seed)], check=True, capture_output=True, text=True
        )
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
