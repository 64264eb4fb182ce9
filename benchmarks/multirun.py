"""What each further job of a multirun costs, over the textbook loop's time for the same training.

    python benchmarks/multirun.py

The MLP on MNIST-1D, five epochs (180 steps), each job with an offline W&B run, validation, a test, checkpoints. A job's
cost is the difference between a multirun of many jobs and one of a single job, divided by the difference of their
numbers: start-up cancels, and composing and checking each job is in it. Jobs draw no pictures unless asked; what a job
takes with them (`figures=true`) is told beside.
"""

from pathlib import Path

from baked import PACKAGE
from measuring import Effort, Figures, Measurement, Row, main, run_command
from side_by_side import Contender

ROW = Row("job", "Each further job of a serial multirun, 5 epochs", 1.5, "x", "textbook PyTorch loop, 5 epochs", (8, 8))
STEPS = 180
FULL, QUICK = 12, 4  # further jobs
TRAIN = ["-m", PACKAGE, "train", "-m", "model=mlp", "data=mnist1d", "trainer.max_epochs=5"]


def measure(project: Path, effort: Effort) -> dict[str, Figures]:
    """Return the seconds of a job; of the others, the mean of several trainings."""
    further = QUICK if effort.quick else FULL
    ours: list[float] = []
    processor: list[float] = []
    drawn: list[float] = []
    textbook: list[float] = []
    usual: list[float] = []
    with Contender("textbook", project) as loop, Contender("usual", project) as recipe:
        used(project, "warm", 1)
        loop.train("mlp", STEPS)
        recipe.train("mlp", STEPS)
        for repeat in range(effort.of(full=5, quick=1)):
            one, many = (used(project, f"{repeat}-{jobs}", jobs) for jobs in (1, 1 + further))
            ours.append((many[0] - one[0]) / further)
            processor.append((many[1] - one[1]) / further)
            one, many = (used(project, f"{repeat}-{jobs}-drawn", jobs, "figures=true") for jobs in (1, 1 + further))
            drawn.append((many[0] - one[0]) / further)
            textbook.append(sum(loop.train("mlp", STEPS).loop for _ in range(further)) / further)
            usual.append(sum(recipe.train("mlp", STEPS).call for _ in range(3)) / 3)
    more = {"seconds of the processor": processor, "with its pictures, seconds": drawn}
    return {ROW.name: Figures(ours, textbook, "s", usual, more)}


def used(project: Path, name: str, jobs: int, *overrides: str) -> tuple[float, float, float]:
    """Return what a multirun of so many jobs takes: seconds, those of the processor, memory."""
    seeds = ",".join(map(str, range(jobs)))
    return run_command("multirun", [*TRAIN, f"seed={seeds}", f"sweep={name}", *overrides], project)


MEASUREMENTS = [Measurement((ROW,), measure)]

if __name__ == "__main__":
    main(MEASUREMENTS, __doc__)
