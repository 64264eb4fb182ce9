"""How cost grows: with the batch, the width of a model, the rows of a table, and the jobs of a sweep.

    python benchmarks/growth.py --only batch width

A step's cost is that of step_cost.py. Tables are Parquet files of ten columns and a target; an MLP trains on them in
batches of 100. `data=table` keeps them in memory; `data=large_table` encodes them once, into files that it reads in
shards, so a first run is made that is not counted. Jobs are synthetic run folders, all of them completed.
"""

import json
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from baked import PACKAGE
from measuring import Effort, Growth, Measurement, Panel, Repeats, main, run_command
from side_by_side import Contender
from synthetic_sweep import write_sweep

BATCH = Panel("batch", "Steps per second of the MLP on MNIST-1D", "signals in a batch", "steps per second", "1/s")
WIDTH = Panel("width", "Steps per second of the MLP on MNIST-1D", "units in a hidden layer", "steps per second", "1/s")
ROWS = "rows of the table"
SPEED = Panel("rows-speed", "Steps per second on a table, batches of 100", ROWS, "steps per second", "1/s")
START = Panel("rows-start", "A run of 200 steps on a table, from a cold start", ROWS, "seconds", "s")
MEMORY = Panel("rows-memory", "Peak memory of a run on a table", ROWS, "GiB", "GiB")
JOBS = Panel("jobs", "Commands on a sweep whose jobs are completed", "jobs of the sweep", "seconds", "s")
LABELS = {"project": "this project", "textbook": "textbook loop"}
SHORT = 200
CONTENDERS = ("project", "textbook")
SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
# Each is a data group's words for a file.
PATHS = {"data=table, in memory": ["data=table"], "data=large_table, on disk": ["data=large_table"]}
NUMBERS = count()
WRITE_TABLE = """
import sys, numpy, polars
rows, path = int(sys.argv[1]), sys.argv[2]
random = numpy.random.default_rng(0)
columns = {f"x{i}": random.standard_normal(rows, dtype=numpy.float32) for i in range(10)}
columns["y"] = sum((i + 1) * column for i, column in enumerate(columns.values())) / 20
polars.DataFrame(columns).write_parquet(path)
"""


def by_batch(project: Path, effort: Effort) -> dict[str, Growth]:
    """Return the steps per second at several batch sizes."""
    sizes = (10, 100) if effort.quick else (10, 30, 100, 300, 900)
    return {BATCH.name: steps_per_second(project, effort, {size: {"batch": size} for size in sizes})}


def by_width(project: Path, effort: Effort) -> dict[str, Growth]:
    """Return the steps per second at several widths."""
    sizes = (10, 100) if effort.quick else (10, 30, 100, 300, 1000)
    return {WIDTH.name: steps_per_second(project, effort, {size: {"width": size} for size in sizes})}


def steps_per_second(project: Path, effort: Effort, points: dict[int, dict[str, int]]) -> Growth:
    """Train with each of `points`, textbook and project in turns."""
    curves: dict[str, dict[str, Repeats]] = {LABELS[name]: {str(x): [] for x in points} for name in CONTENDERS}
    with ExitStack() as stack:
        contenders = {name: stack.enter_context(Contender(name, project)) for name in CONTENDERS}
        for contender in contenders.values():
            contender.train("mlp", SHORT)
        for _ in range(effort.of(full=3, quick=1)):
            for x, words in points.items():
                long = SHORT + (400 if effort.quick else 1800 if x < 500 else 720)
                for name, contender in contenders.items():
                    short, whole = (contender.train("mlp", steps, **words).loop for steps in (SHORT, long))
                    curves[LABELS[name]][str(x)].append((long - SHORT) / (whole - short))
    return Growth(curves)


def by_rows(project: Path, effort: Effort) -> dict[str, Growth]:
    """Return steps per second, seconds from start to end, and memory, for tables of several sizes."""
    speed, start, memory = (Growth({name: {} for name in PATHS}) for _ in range(3))
    for rows in SIZES[:2] if effort.quick else SIZES:
        run_command("writing a table", ["-c", WRITE_TABLE, str(rows), "table.parquet"], project)
        for name, words in PATHS.items():
            at = str(rows)
            if words != ["data=table"]:
                run_on_table(project, words, 1)  # encodes
            speed.curves[name][at], start.curves[name][at], memory.curves[name][at] = [], [], []
            long = 1200 if effort.quick else 4200
            for _ in range(effort.of(full=2, quick=1)):
                begun, short, _ = run_on_table(project, words, SHORT)
                _, whole, peak = run_on_table(project, words, long)
                speed.curves[name][at].append((long - SHORT) / (whole - short))
                start.curves[name][at].append(begun)
                memory.curves[name][at].append(peak / 1024)
    return {SPEED.name: speed, START.name: start, MEMORY.name: memory}


def run_on_table(project: Path, words: list[str], steps: int) -> tuple[float, float, float]:
    """Train on `table.parquet`; return seconds from start to end, seconds of the fit, and MiB."""
    folder = f"runs/table-{next(NUMBERS)}"
    overrides = ["data.path=table.parquet", "data.target=y", "data.val_fraction=0", "trainer.max_epochs=-1"]
    still = ["figures=false", "tracking=none", f"hydra.run.dir={folder}", f"trainer.max_steps={steps}"]
    command = ["-m", PACKAGE, "train", "model=mlp", *words, *overrides, *still]
    seconds, _, peak = run_command("a run on a table", command, project)
    summary = json.loads((project / folder / "summary.json").read_text())
    return seconds, summary["seconds"]["fit"], peak


def by_jobs(project: Path, effort: Effort) -> dict[str, Growth]:
    """Return the seconds of the commands that look at every job of a sweep."""
    labels = ("report", "runs list", "the same multirun again")
    growth = Growth({label: {} for label in labels})
    for jobs in (10, 100) if effort.quick else (10, 100, 1000):
        grid = {"model": ["mlp", "cnn"], "optimizer.lr": ["0.0003", "0.001", "0.003", "0.01", "0.03"]}
        name, seeds = f"jobs{jobs}", jobs // 10
        write_sweep(project, name, grid, seeds, lost=False)
        values = [f"{key}={','.join(words)}" for key, words in grid.items()]
        commands = (
            ["report", f"runs/sweeps/{name}"],
            ["runs", "list", f"runs/sweeps/{name}"],
            ["train", "-m", f"sweep={name}", *values, f"seed={','.join(map(str, range(seeds)))}"],
        )
        for label, words in zip(labels, commands, strict=True):
            arguments = ["-m", PACKAGE, *words]
            repeats = range(effort.of(full=2, quick=1))
            growth.curves[label][str(jobs)] = [run_command(label, arguments, project)[0] for _ in repeats]
    return {JOBS.name: growth}


MEASUREMENTS = [
    Measurement((BATCH,), by_batch),
    Measurement((WIDTH,), by_width),
    Measurement((SPEED, START, MEMORY), by_rows),
    Measurement((JOBS,), by_jobs),
]

if __name__ == "__main__":
    main(MEASUREMENTS, __doc__)
