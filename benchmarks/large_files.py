"""Reading large CSV and Parquet files, and encoding them, beside plain polars and a plain tensor of torch.

    python benchmarks/large_files.py
    python benchmarks/large_files.py --rows 200000 --repeats 5

The table has 20 real and 5 whole numbers, 4 texts of 5 to 200 categories, and a target of two classes. Each figure is
that of a process of its own, after its imports: the seconds of the call, and by how much the peak of its memory rose.
All take turns in every repeat; medians are printed.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import polars
from baked import TEMPLATE, described, environment

ENGINE = TEMPLATE / "{{cookiecutter.project_slug}}" / "vendor"
# What a process imports, and what is measured; `path` is the file, `folder` an empty folder
TORCH = """
frame = polars.read_{kind}(path)
features = frame.drop("y").to_dummies([f"cat{{i}}" for i in range(4)])
inputs = features.to_torch(dtype=polars.Float32)
"""
OPTIONS = 'path=path, target="y", seed=0, batch_size=100, val_fraction=0.1, standardize=True'
CALLS = {
    "polars, read": "polars.read_{kind}(path)",
    "data=table, read": "read_columns(Path(path), None, Spelling())",
    "data=large_table, read": 'scan_table(Path(path), None, Spelling(), scratch=Path(folder, "rows"))',
    "polars and torch, read and one-hot": TORCH,
    "data=table, ready to train": f"Table({OPTIONS}).setup()",
    "data=large_table, ready to train": f"LargeTable(folder=folder, {OPTIONS}).setup()",
}
PROGRAM = """
import json, resource, sys, time, polars, torch
from pathlib import Path
from loguru import logger
from hyperplane.data.files.table_files import read_columns, scan_table
from hyperplane.data.tables.large_table import LargeTable
from hyperplane.data.files.survey import Spelling
from hyperplane.data.tables.table import Table
logger.remove()
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
path, folder = sys.argv[1:]
polars.DataFrame({{"a": [1]}}).lazy().collect()
before, started = peak(), time.perf_counter()
{call}
print(json.dumps([time.perf_counter() - started, peak() - before]))
"""


def main() -> None:
    """Measure, and print a table as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", default=list(CALLS), choices=list(CALLS), metavar="CALL")
    arguments = parser.parse_args()
    print("| file | task | seconds | relative to polars | MiB |")
    print("|---|---|---:|---:|---:|")
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            for path in write(Path(folder), rows):
                for line in lines(path, rows, arguments.only, arguments.repeats):
                    print(line, flush=True)
    print("\n" + ", ".join(f"{key} {value}" for key, value in {**described(), "polars": polars.__version__}.items()))


def write(folder: Path, rows: int) -> tuple[Path, Path]:
    """Write the table as CSV and as Parquet."""
    random = np.random.default_rng(0)
    columns = {f"x{i}": random.normal(size=rows).round(4) for i in range(20)}
    columns |= {f"i{i}": random.integers(0, 100, rows) for i in range(5)}
    signal = 0.8 * columns["x0"] - 0.5 * columns["x1"]
    for i, categories in enumerate((5, 10, 50, 200)):
        code = random.integers(0, categories, rows)
        columns[f"cat{i}"] = np.array([f"c{k}" for k in range(categories)])[code]
        signal = signal + random.normal(size=categories)[code] / 2
    columns["y"] = np.where(signal > 0, "yes", "no")
    frame = polars.DataFrame(columns)
    frame.write_csv(folder / "table.csv")
    frame.write_parquet(folder / "table.parquet")
    return folder / "table.csv", folder / "table.parquet"


def lines(path: Path, rows: int, calls: Sequence[str], repeats: int) -> list[str]:
    """Return the rows of the table that are about a file; the ratio is the median of those of each repeat."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name in calls:
            found[name].append(measure(CALLS[name].format(kind=path.suffix[1:]), path))
    yardstick = [seconds for seconds, _ in found.get("polars, read", [])]
    file = f"{rows:,} rows, {path.suffix[1:]}, {path.stat().st_size / 1e6:.0f} MB"
    made = []
    for name, figures in found.items():
        seconds = [one for one, _ in figures]
        ratio = f"{median(a / b for a, b in zip(seconds, yardstick, strict=True)):.2f}" if yardstick else ""
        memory = median(peak for _, peak in figures)
        made.append(f"| {file} | {name} | {median(seconds):.2f} | {ratio} | {memory:.0f} |")
    return made


def measure(call: str, path: Path) -> tuple[float, float]:
    """Return the seconds of a call, and by how many MiB it raised the peak memory of its process."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        program = [sys.executable, "-c", PROGRAM.format(call=call), str(path), folder]
        variables = {**environment(path.parent), "PYTHONPATH": str(ENGINE)}
        done = subprocess.run(program, env=variables, check=True, capture_output=True, text=True)
    seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return seconds, memory


if __name__ == "__main__":
    main()
