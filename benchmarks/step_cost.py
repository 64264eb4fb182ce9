"""What a training step of a baked project costs, over the same training written as a textbook PyTorch loop.

    python benchmarks/step_cost.py --only step-mlp

The cost of a step is the difference between a long and a short run, divided by the difference of their steps, so that
start-up cancels. It includes all that comes with a step: validation after each epoch of 36 steps, metrics, metrics.csv,
an offline W&B run, checkpoints. See `contenders.py` for the three that are compared.
"""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

from measuring import Effort, Figures, Measurement, Row, main, ratios
from side_by_side import Contender

TEXTBOOK = "textbook PyTorch loop"
NAMES = ("project", "textbook", "usual")
# Each with words of the project's command.
WAYS: list[tuple[str, tuple[str, ...]]] = [("project", ("trainer.enable_progress_bar=true",))]
WAYS += [(name, ()) for name in NAMES]
SHORT = 180  # steps
# By the model: steps of the long run, full and quick.
LONG = {"linear": (4680, 1440), "mlp": (4680, 1440), "cnn": (2340, 720), "rnn": (900, 360)}
ROWS = {
    "mlp": Row("step-mlp", "A training step, MLP on MNIST-1D, tracked", 1.2, "x", TEXTBOOK, (3, 6)),
    "linear": Row("step-linear", "A training step, linear model", 1.3, "x", TEXTBOOK, (3, 6)),
    "cnn": Row("step-cnn", "A training step, CNN", 1.1, "x", TEXTBOOK, (3, 6)),
    "rnn": Row("step-gru", "A training step, GRU", 0.7, "x", TEXTBOOK, (3, 6)),
}


def measure(model: str, project: Path, effort: Effort) -> dict[str, Figures]:
    """Return the microseconds of a step of each contender."""
    long = LONG[model][effort.quick]
    found: dict[str, list[float]] = {name: [] for name in NAMES}
    processor: dict[str, list[float]] = {name: [] for name in NAMES}
    with_bar: list[float] = []
    with ExitStack() as stack:
        contenders = {name: stack.enter_context(Contender(name, project)) for name in NAMES}
        for contender in contenders.values():
            contender.train(model, SHORT)  # loads and compiles; the project's makes the data that all three use
        for repeat in range(effort.of(full=7, quick=2)):
            # Who goes first changes, and the runs that are subtracted follow each other.
            for name, words in WAYS if repeat % 2 else reversed(WAYS):
                short, whole = (contenders[name].train(model, steps, overrides=words) for steps in (SHORT, long))
                step = (whole.loop - short.loop) / (long - SHORT) * 1e6
                if words:
                    with_bar.append(step)
                    continue
                found[name].append(step)
                processor[name].append(whole.processor - short.processor)
    more = {
        "times, by the processor's clock": ratios(processor["project"], processor["textbook"]),
        "times, with a progress bar": ratios(with_bar, found["textbook"]),
    }
    return {ROWS[model].name: Figures(found["project"], found["textbook"], "µs", found["usual"], more)}


MEASUREMENTS = [Measurement((row,), partial(measure, model)) for model, row in ROWS.items()]

if __name__ == "__main__":
    main(MEASUREMENTS, __doc__)
