"""What a stack of jobs costs: `hydra/launcher=stacked`, over as many textbook loops, and over a serial multirun.

    python benchmarks/stacked.py --only stacked-linear

A step costs (seconds of a long multirun − seconds of a short one) / the difference of their steps / members, so that
the start, the test and the end of the members cancel; all that comes with a step in the long one is in it: validation
after each epoch of 36 steps, metrics.csv, an offline W&B run and checkpoints of each member. The multirun is what a
user types, in processes of its own: the launcher divides the members between **all cores**, a stack and one thread on
each. The textbook loop trains one network after the other, in one process with **one thread**, see contenders.py. What
the members cost as one stack in one process with one thread stands beside, by the processor's clock.

`stacked-jobs` is all that a multirun does, without what one of a single job takes: composing and checking the jobs,
starting, training for 5 epochs, the test, the summaries; there, too, stacks train in a process for each core. What they
take of the processor is not told: they are copies of a server that imports torch once, and the system counts its time
apart. One stack on one core, and how a step grows with the members, are timed within one training in one process,
between the begins of its epochs.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from baked import PACKAGE
from measuring import Effort, Figures, Growth, Measurement, Panel, Repeats, Row, main, run_command
from multirun import used
from side_by_side import Contender

MEMBERS = 32
EPOCH = 36  # steps
SHORT = 2 * EPOCH
LONG = {"linear": (2232, 432), "mlp": (792, 288), "cnn": (216, 144), "rnn": (216, 144), "transformer": (144, 108)}
ONE_STACK = {"linear": 16, "mlp": 12}  # epochs on one core; of the others five
GOALS = {"linear": 0.25, "mlp": 0.45, "cnn": 0.8, "rnn": 0.3, "transformer": 0.9}
NAMES = {"rnn": "GRU", "mlp": "MLP", "cnn": "CNN"}
ROWS = {
    model: Row(
        f"stacked-{NAMES.get(model, model).lower()}",
        f"A step of {MEMBERS} members, {NAMES.get(model, model)}, tracked, as launched on all cores",
        goal,
        "x",
        f"{MEMBERS} textbook loops, one after the other on one core",
        None,
    )
    for model, goal in GOALS.items()
}
JOBS = Row("stacked-jobs", f"{MEMBERS} seeds of the MLP, 5 epochs each", 0.2, "x", "a serial multirun of them", None)
MEMORY = Row("stacked-memory", f"Peak memory of {MEMBERS} members", MEMBERS, "x", "a run of one", None)
GROWTH = Panel("stacked-growth", "A step of a stack, tracked", "members", "µs of the processor by member", "µs")


def measure(model: str, project: Path, effort: Effort) -> dict[str, Figures]:
    """Return the microseconds of a step by member, as launched, and of a textbook loop; beside, on one core."""
    long = LONG[model][effort.quick]
    ours: Repeats = []
    textbook: Repeats = []
    one_core: Repeats = []
    with Contender("growing", project) as stack, Contender("textbook", project) as loop:
        launched(project, model, SHORT, "warm")  # and caches the data
        loop.train(model, SHORT)
        for repeat in range(effort.of(full=5, quick=1)):
            many = [launched(project, model, steps, f"{repeat}-{steps}") for steps in (SHORT, long)]
            ours.append(by_step(many, long) / MEMBERS)
            alone = [loop.train(model, steps) for steps in (SHORT, long)]
            textbook.append(by_step([took.loop for took in alone], long))
            epochs = ONE_STACK.get(model, 5)
            together = stack.train(model, epochs * EPOCH, members=MEMBERS).loop / MEMBERS * 1e6
            one_core.append(together / by_step([took.processor for took in alone], long))
    more = {"one stack on one core, times, by the processor's clock": one_core}
    return {ROWS[model].name: Figures(ours, textbook, "µs", more=more)}


def launched(project: Path, model: str, steps: int, name: str) -> float:
    """Return the seconds of a multirun of all members, as a user types it."""
    words = [f"model={model}", "data=mnist1d", f"seed=range({MEMBERS})", "optimizer=adam", "scheduler=none"]
    length = ["trainer.max_epochs=-1", f"trainer.max_steps={steps}"]
    how = ["hydra/launcher=stacked", f"sweep={model}-{name}"]
    return run_command("a multirun", ["-m", PACKAGE, "train", "-m", *words, *length, *how], project)[0]


def by_step(seconds: Sequence[float], long: int) -> float:
    """Return the microseconds of a step, of the seconds that a short training took and a long one."""
    short, whole = seconds
    return (whole - short) / (long - SHORT) * 1e6


def jobs(project: Path, effort: Effort) -> dict[str, Figures]:
    """Return the seconds of multiruns without those of a single job, by stacks and one job after the other."""
    found: dict[str, Repeats] = {"stacked": [], "local": []}
    used(project, "warm", 1)
    for repeat in range(effort.of(full=3, quick=1)):
        for launcher in found:
            how = f"hydra/launcher={launcher}"
            one, many = (used(project, f"{launcher}-{repeat}-{jobs}", jobs, how) for jobs in (1, 1 + MEMBERS))
            found[launcher].append(many[0] - one[0])
    return {JOBS.name: Figures(found["stacked"], found["local"], "s")}


def memory(project: Path, effort: Effort) -> dict[str, Figures]:
    """Return the peak memory of a process with many members, and with one job."""
    peaks: dict[int, Repeats] = {MEMBERS: [], 1: []}
    for _ in range(effort.of(full=3, quick=1)):
        for members, found in peaks.items():
            words = ["stacked" if members > 1 else "serial", "mlp", "180", str(members)]
            found.append(run_command("a stack", [str(Path(__file__).with_name("contenders.py")), *words], project)[2])
    further = [(many - one) / (MEMBERS - 1) for many, one in zip(*peaks.values(), strict=True)]
    more = {"MiB of each further member": further}
    return {MEMORY.name: Figures(peaks[MEMBERS], peaks[1], "MiB", more=more)}


def growth(project: Path, effort: Effort) -> dict[str, Growth]:
    """Return the microseconds of a step by member, for stacks of several sizes, without their start."""
    sizes = (1, 4, 16) if effort.quick else (1, 4, 16, 64, 256)
    curves: dict[str, dict[str, Repeats]] = {NAMES.get(model, model): {} for model in ("linear", "mlp")}
    with Contender("growing", project) as stack:
        stack.train("linear", EPOCH * 4, members=2)
        for repeat in range(effort.of(full=3, quick=1)):
            for model in ("linear", "mlp"):
                for size in sizes if not repeat else sizes[:4]:  # to start hundreds of members takes longest
                    steps = EPOCH * max(5, 48 // size // (4 if effort.quick else 1))
                    found = stack.train(model, steps, members=size).loop / size * 1e6
                    curves[NAMES.get(model, model)].setdefault(str(size), []).append(found)
    return {GROWTH.name: Growth(curves)}


MEASUREMENTS = [
    *(Measurement((row,), partial(measure, model)) for model, row in ROWS.items()),
    Measurement((JOBS,), jobs),
    Measurement((MEMORY,), memory),
    Measurement((GROWTH,), growth),
]

if __name__ == "__main__":
    main(MEASUREMENTS, __doc__)
