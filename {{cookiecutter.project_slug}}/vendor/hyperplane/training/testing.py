"""The test of a run: the same again gives the same numbers, also where a task draws random numbers in it."""

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from ..data.generators import seed_program
from ..metrics.metric_names import MetricNames


def test(
    trainer: Trainer,
    task: LightningModule,
    data: Any,
    seed: int,
    checkpoint: Path | None,
    names: MetricNames,
    *,
    validates: bool = False,
) -> dict[str, float]:
    """Test a task and return its metrics, by the names that they are kept under.

    With `validates` it is done by its validation_step, on the validation part of a data module.
    """
    seed_program(seed)
    steps = trainer.validate if validates else trainer.test
    steps(task, data, ckpt_path=checkpoint, weights_only=True, verbose=False)
    return {name: float(value) for name, value in names.rename(trainer.callback_metrics).items()}
