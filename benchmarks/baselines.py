"""Linear model and MLP of a baked project at their defaults, beside scikit-learn on the same split.

    python benchmarks/baselines.py
    python benchmarks/baselines.py --tables cars.csv:mpg loans.csv:paid_back --models linear

The reference is LogisticRegression or Ridge, at the defaults of scikit-learn, fitted to the same training rows as the
project standardises and encodes them. The floor names the most frequent class, or the mean, of the training rows.
Accuracy for classes, R² for values; mean ± sample standard deviation over the seeds. Each table is a data set of the
project by its name, or a file and its target.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from statistics import mean, stdev
from typing import Any, NamedTuple

from baked import PACKAGE, bake, described, environment, layers

BUNDLED = ("wine", "breast_cancer", "digits", "diabetes", "moons", "circles", "blobs", "plane", "salary")
CLOSE = 0.02  # that the linear model may lie below its reference


class Table(NamedTuple):
    """What is trained on."""

    name: str
    words: tuple[str, ...]  # of the command that choose it

    @classmethod
    def read(cls, text: str) -> "Table":
        """Return the table that `wine` or `cars.csv:mpg` names."""
        path, colon, target = text.rpartition(":")
        if not colon:
            return cls(text, (f"data={text}",))
        return cls(Path(path).stem, ("data=table", f"data.path={Path(path).resolve()}", f"data.target={target}"))


class Result(NamedTuple):
    """What was measured on a table with one seed."""

    rows: int  # to train on
    columns: int  # as they are encoded
    is_classification: bool
    floor: float
    reference: float
    models: dict[str, float]


def main() -> None:
    """Train, and print a table as Markdown with every place where a model of the project lies below the reference."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--tables", nargs="+", default=list(BUNDLED), help="data sets, or files as path:target")
    parser.add_argument("--models", nargs="+", default=["linear", "mlp"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    tables = [Table.read(text) for text in arguments.tables]
    print("| data | rows | columns | metric | floor | scikit-learn | " + " | ".join(arguments.models) + " |")
    print("|---|---:|---:|---|---:|---:|" + "---:|" * len(arguments.models))
    behind: list[str] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        project = bake(Path(folder))
        sys.path[:0] = layers(project)
        for table in tables:
            results = measure(project, table, arguments.models, arguments.seeds)
            print(line(table, results, arguments.models), flush=True)
            behind += losses(table, results)
    print("\nBelow the reference in the mean:", "; ".join(behind) or "nowhere")
    print("\n" + ", ".join(f"{key} {value}" for key, value in described().items()))


def measure(project: Path, table: Table, models: Sequence[str], seeds: Sequence[int]) -> list[Result]:
    """Return what each seed came to; all runs of a table are jobs of one multirun."""
    sweep = f"baselines-{table.name}"
    words = [*table.words, f"model={','.join(models)}", f"seed={','.join(map(str, seeds))}", f"sweep={sweep}"]
    how = ["tracking=none", "figures=false", "hardware=cpu", "hardware.threads=1", "hydra/launcher=basic"]
    command = [sys.executable, "-m", PACKAGE, "train", "-m", *words, *how]
    subprocess.run(command, cwd=project, env=environment(project), check=True, capture_output=True)
    found = [json.loads(path.read_text()) for path in (project / "runs/sweeps" / sweep).glob("*/summary.json")]
    return [result(project, table, seed, [run for run in found if run["seed"] == seed]) for seed in seeds]


def result(project: Path, table: Table, seed: int, runs: list[dict[str, Any]]) -> Result:
    """Return the scores of runs with one seed, beside the reference on the same rows."""
    data = load(project, table, seed)
    is_classification = data.spec.task == "classification"
    name = "accuracy" if is_classification else "r2"
    scores = {run["choices"]["model"]: run["metrics"][f"test/{name}"] for run in runs}
    floor = runs[0]["metrics"][f"test/naive_{name}"]
    inputs, targets = data.parts["train"][:2]
    columns = inputs[0].numel()
    return Result(len(targets), columns, is_classification, floor, reference(data, is_classification), scores)


def load(project: Path, table: Table, seed: int) -> Any:
    """Return the data module of the project with its rows split, standardised and encoded."""
    from hydra import compose, initialize_config_dir
    from hyperplane.components import build
    from hyperplane.run_folder.names import register_resolvers
    from hyperplane.validation import check

    import_module(PACKAGE)  # which tells the engine whose it is
    register_resolvers()
    with initialize_config_dir(str(project / "src" / PACKAGE / "configs"), version_base=None):
        settings = check(compose("train", [*table.words, f"seed={seed}"]))
    data = build(settings.data, seed=seed)
    data.prepare_data()
    data.setup("fit")
    return data


def reference(data: Any, is_classification: bool) -> float:
    """Return the test score of scikit-learn's linear model, fitted to the training rows alone."""
    from sklearn.linear_model import LogisticRegression, Ridge

    parts = [data.parts[name] for name in ("train", "test")]
    train, test = ((part[0].flatten(1).double().numpy(), part[1].numpy()) for part in parts)
    model = LogisticRegression(max_iter=10_000) if is_classification else Ridge()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the iterations were not enough
        return float(model.fit(*train).score(*test))


def line(table: Table, results: list[Result], models: Sequence[str]) -> str:
    """Return the row of a table."""
    first = results[0]
    figures = [spread([result.floor for result in results]), spread([result.reference for result in results])]
    figures += [spread([result.models[model] for result in results]) for model in models]
    metric = "accuracy" if first.is_classification else "R²"
    return " | ".join([f"| {table.name}", str(first.rows), str(first.columns), metric, *figures]) + " |"


def losses(table: Table, results: list[Result]) -> list[str]:
    """Name the models that lie below the reference in the mean, and those that do so by more than they may."""
    against = mean(result.reference for result in results)
    differences = {model: mean(result.models[model] for result in results) - against for model in results[0].models}
    return [
        f"{model} on {table.name} {difference:+.3f}" + (" (!)" if difference < -CLOSE else "")
        for model, difference in differences.items()
        if difference < -0.0005
    ]


def spread(values: list[float]) -> str:
    """Return mean ± sample standard deviation."""
    middle = round(mean(values), 3) + 0.0  # not -0.000
    return f"{middle:.3f} ± {stdev(values):.3f}" if len(values) > 1 else f"{middle:.3f}"


if __name__ == "__main__":
    main()
