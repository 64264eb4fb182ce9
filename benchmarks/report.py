"""How long `report` and `runs` take on a thousand runs of 150 epochs, and how much memory.

python benchmarks/report.py
"""

from pathlib import Path

from baked import PACKAGE
from measuring import Effort, Figures, Measurement, Row, main, take_turns
from synthetic_sweep import SETTINGS, write_sweep

IMPORTS = 'python -c "import matplotlib, numpy"'
ROW = Row("report", "`report` on 1000 runs, table and pictures", 5, "s", IMPORTS, None)
REPORT = ["-m", PACKAGE, "report", "runs/sweeps/synthetic"]
RUNS = ["-m", PACKAGE, "runs", "list"]
COMMANDS = {
    "imports": ["-c", "import numpy, matplotlib.figure, matplotlib.backends.backend_agg"],
    "report": REPORT,
    "report --compare --group-by": [
        *(*REPORT, "--group-by", "model", "--group-by", "optimizer.weight_decay"),
        *("--compare", "model=mlp", "model=cnn", "--metric", "test/accuracy", "--metric", "test/loss"),
    ],
    "runs list": RUNS,
    "runs list --where --sort --json": [*RUNS, "--where", "model=mlp", "--sort", "test/accuracy", "--json"],
}


def measure(project: Path, effort: Effort) -> dict[str, Figures]:
    """Return the seconds from a cold start to the end."""
    write_sweep(project, "synthetic", SETTINGS, seeds=5)
    found = take_turns(COMMANDS, project, effort.of(full=5, quick=1))
    more = {f"{name}, seconds": found[name]["seconds"] for name in list(COMMANDS)[2:]}
    more |= {
        "report, seconds of the processor": found["report"]["processor_seconds"],
        "report, MiB at its peak": found["report"]["mebibytes"],
    }
    return {ROW.name: Figures(found["report"]["seconds"], found["imports"]["seconds"], "s", more=more)}


MEASUREMENTS = [Measurement((ROW,), measure)]

if __name__ == "__main__":
    main(MEASUREMENTS, __doc__)
