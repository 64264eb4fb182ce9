"""A run from a cold start: how long one training step takes and how much memory, beside importing the libraries alone.

    python benchmarks/cold_start.py

Commands with the default settings: MLP on MNIST-1D, an offline W&B run, checkpoints, pictures. Memory is that of a run
of five epochs. Each command is a process of its own; they take turns.
"""

from pathlib import Path

from baked import PACKAGE, TEMPLATE
from measuring import Effort, Figures, Measurement, Row, main, ratios, take_turns

IMPORTS = 'python -c "import torch, lightning"'
IMPORTS_WANDB = 'python -c "import torch, lightning, wandb"'
COLD = Row("cold-start", "A run of one training step, from a cold start", 1.15, "x", IMPORTS, (1.3, 1.7))
MEMORY = Row("memory", "A run's peak memory", 1.1, "x", IMPORTS_WANDB, (1.07, 1.07))
TRAIN = ["-m", PACKAGE, "train", "model=mlp", "data=mnist1d"]
COMMANDS = {
    "imports": ["-c", "import torch, lightning"],
    "one step": [*TRAIN, "trainer.max_steps=1"],
    "one step, no pictures": [*TRAIN, "trainer.max_steps=1", "figures=false"],
    "one step, no pictures, no tracking": [*TRAIN, "trainer.max_steps=1", "figures=false", "tracking=none"],
    "usual": [str(TEMPLATE / "benchmarks/contenders.py"), "usual", "mlp", "1"],
    "imports with wandb": ["-c", "import torch, lightning, wandb"],
    "five epochs": [*TRAIN, "trainer.max_epochs=5"],
}
VARIANTS = ("one step", "one step, no pictures", "one step, no pictures, no tracking")


def measure(project: Path, effort: Effort) -> dict[str, Figures]:
    """Return seconds of the cold start, and MiB of memory."""
    found = take_turns(COMMANDS, project, effort.of(full=6, quick=1))
    seconds = {name: figures["seconds"] for name, figures in found.items()}
    processor = {name: figures["processor_seconds"] for name, figures in found.items()}
    memory = {name: figures["mebibytes"] for name, figures in found.items()}
    more = {f"{name}, times": ratios(seconds[name], seconds["imports"]) for name in VARIANTS[1:]}
    more |= {f"{name}, times of the processor": ratios(processor[name], processor["imports"]) for name in VARIANTS}
    return {
        COLD.name: Figures(seconds["one step"], seconds["imports"], "s", seconds["usual"], more),
        MEMORY.name: Figures(memory["five epochs"], memory["imports with wandb"], "MiB", memory["usual"]),
    }


MEASUREMENTS = [Measurement((COLD, MEMORY), measure)]

if __name__ == "__main__":
    main(MEASUREMENTS, __doc__)
