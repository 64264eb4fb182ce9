"""How long it takes to make a project: cookiecutter with the default answers, the hooks, and the first git commit.

python benchmarks/baking.py
"""

import tempfile
from pathlib import Path

from baked import TEMPLATE
from measuring import Effort, Figures, Measurement, Row, main, run_command

ROW = Row(
    "bake", "Baking a project, hooks and git included", 1.0, "s", 'python -c "import cookiecutter.main"', (0.8, 0.8)
)


def measure(project: Path, effort: Effort) -> dict[str, Figures]:
    """Return the seconds of the command, from a cold start."""
    ours: list[float] = []
    theirs: list[float] = []
    for repeat in range(effort.of(full=10, quick=2) + 1):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            command = ["-m", "cookiecutter", str(TEMPLATE), "--no-input", "--default-config", "--output-dir", folder]
            baking = run_command("baking", command, project)[0]
        importing = run_command("importing", ["-c", "import cookiecutter.main"], project)[0]
        if repeat:  # the first round compiles modules and reads files from the disk
            ours.append(baking)
            theirs.append(importing)
    return {ROW.name: Figures(ours, theirs, "s")}


MEASUREMENTS = [Measurement((ROW,), measure)]

if __name__ == "__main__":
    main(MEASUREMENTS, __doc__)
