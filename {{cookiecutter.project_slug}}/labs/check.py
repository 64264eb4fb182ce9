"""Run all labs from top to bottom, and test the solutions with the checks: `make check-labs`.

A lab fails if a number in its text is no longer true, or if a cell raises an error. Prints the seconds of each lab.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from solutions import SOLVED

LABS = Path(__file__).resolve().parent


def main(names: list[str]) -> int:
    """Run the named labs, such as 03, or all; return the number of labs that failed."""
    for check, solution in SOLVED:
        check(solution)
    print(f"{len(SOLVED)} solutions are right.")  # noqa: T201
    failed = 0
    for path in sorted(LABS.glob("lab_*.py")):
        if names and not any(path.name.startswith(f"lab_{name}") for name in names):
            continue
        begin = time.perf_counter()
        done = subprocess.run(
            [sys.executable, str(path)], cwd=LABS, env=os.environ | {"MPLBACKEND": "agg"}, capture_output=True, text=True
        )
        failed += done.returncode != 0
        told = "ok" if done.returncode == 0 else f"failed\n{done.stderr[-3000:]}"
        print(f"{path.stem}  {time.perf_counter() - begin:.0f} s  {told}", flush=True)  # noqa: T201
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
