"""How long the commands of a baked project take to answer, beside Python alone.

python benchmarks/startup.py
"""

from pathlib import Path

from baked import PACKAGE
from measuring import Effort, Figures, Measurement, Row, main, take_turns

PYTHON = "python -c pass"
ROWS = (
    Row("help", "`train --help`", 0.5, "s", PYTHON, (6, 9)),
    Row("cfg", "`train --cfg job`", 0.5, "s", PYTHON, (6, 9)),
    Row("completion", "Tab completion of `train model=m`", 0.5, "s", PYTHON, (6, 9)),
)
TRAIN = ["-m", PACKAGE, "train"]
COMMANDS = {
    "python": ["-c", "pass"],
    "help": [*TRAIN, "--help"],
    "cfg": [*TRAIN, "--cfg", "job"],
    "completion": [*TRAIN, "-sc", "query=bash"],  # what bash runs when Tab is pressed
    "mistake": [*TRAIN, "optimizer.lrr=0.1"],
}
TYPED = {"COMP_LINE": "train model=m", "COMP_POINT": "13"}


def measure(project: Path, effort: Effort) -> dict[str, Figures]:
    """Return the seconds from a cold start to the end."""
    found = take_turns(COMMANDS, project, effort.of(full=10, quick=3), TYPED, mistakes=["mistake"])
    figures = {
        row.name: Figures(
            found[row.name]["seconds"],
            found["python"]["seconds"],
            "s",
            more={"seconds of the processor": found[row.name]["processor_seconds"]},
        )
        for row in ROWS
    }
    figures["cfg"].more["a misspelt setting, seconds to its message"] = found["mistake"]["seconds"]
    return figures


MEASUREMENTS = [Measurement(ROWS, measure)]

if __name__ == "__main__":
    main(MEASUREMENTS, __doc__)
