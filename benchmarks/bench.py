"""Measure every row of the table of goals and how cost grows, and write docs/benchmarks.md with its pictures.

    python benchmarks/bench.py                      all: half an hour on two quiet cores; `make bench`
    python benchmarks/bench.py --quick              to see that everything runs
    python benchmarks/bench.py --only step cfg      some rows; what was found of the others before is kept

What is found is written after each row: docs/benchmarks.json holds every single figure, the pages and pictures are made
from it. A row that fails is named with its reason, and the others go on.
"""

import json
import sys
from pathlib import Path

import baking
import cold_start
import growth
import measuring
import multirun
import pages
import recurrent
import report
import stacked
import startup
import step_cost
from baked import TEMPLATE

MODULES = (step_cost, recurrent, startup, cold_start, multirun, stacked, baking, report, growth)
MEASUREMENTS = [measurement for module in MODULES for measurement in module.MEASUREMENTS]
LINES = [line for measurement in MEASUREMENTS for line in measurement.rows]
FILE = TEMPLATE / "docs/benchmarks.json"


def main() -> None:
    """Measure and write."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--write", action="store_true", help="measure nothing; make the pages from the figures")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(f"{line.name:16}{line.what}" for line in LINES))
        return
    file: Path = arguments.json or FILE
    known = json.loads(file.read_text()) if file.exists() else {}

    def write(found: measuring.Found) -> None:
        results = known | found
        results = {line.name: results[line.name] for line in LINES if line.name in results}  # in the table's order
        file.write_text(json.dumps(results, indent=1) + "\n")
        pages.write(LINES, results)

    if arguments.write:
        write({})
        return
    chosen = measuring.chosen(MEASUREMENTS, arguments.only)
    found = measuring.measured(chosen, measuring.Effort(arguments.quick, arguments.repeats), write)
    print("\n".join(measuring.printed(line, found[line.name]) for line in LINES if line.name in found))
    if any("failed" in result for result in found.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
