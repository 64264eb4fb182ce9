"""How long the commands of a baked project take to answer, beside Python and torch alone.

python benchmarks/startup.py
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from baked import PACKAGE, bake, described, environment, spread

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "train --help": ["-m", f"{PACKAGE}.train", "--help"],
    "train --cfg job": ["-m", f"{PACKAGE}.train", "--cfg", "job"],
    "tab completion (train model=k…)": ["-m", f"{PACKAGE}.train", "-sc", "query=bash"],
    'python -c "import torch"': ["-c", "import torch"],
    'python -c "import torch, lightning"': ["-c", "import torch, lightning"],
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--repeats", type=int, choices=range(1, 101), metavar="N", default=5, help="1 to 100")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to this file as well")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        seconds = measure(bake(Path(folder)), arguments.repeats)

    print(f"Seconds from a cold start to the end; median (range) of {arguments.repeats} repeats\n")
    for name, figures in seconds.items():
        print(f"{name:38}{spread(figures, 2)}")
    print("\n" + ", ".join(f"{key} {value}" for key, value in described().items()))
    if arguments.json:
        arguments.json.write_text(json.dumps({"seconds": seconds, **described()}, indent=1) + "\n")


def measure(project: Path, repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each command, one figure for each repeat; the commands take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    typed = {"COMP_LINE": "train model=k", "COMP_POINT": "13"}  # how bash asks for completions
    surroundings = environment(project) | typed
    for repeat in range(repeats + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, *command], cwd=project, env=surroundings, capture_output=True, text=True
            )
            if done.returncode:
                sys.exit(f"{name} failed:\n{done.stderr[-4000:]}")
            if repeat:  # the first round compiles modules and reads files from the disk
                seconds[name].append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
