"""The batch size from which on a larger one hardly trains faster, among those that fit into memory."""

import math
import time
from collections.abc import Sized
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities.data import extract_batch_size
from lightning.pytorch.utilities.memory import garbage_collection_cuda, is_oom_error
from loguru import logger

from ..data.reproducible import spec_of
from ..errors import UserError
from ..loop.lean_loop import Listener
from ..run_folder.record import RunRecord
from . import Found
from .short_training import train_shortly

WARM_UP, TIMED = 3, 10  # steps of each size: the first ones allocate memory, the others are timed
ENOUGH = 0.9  # of the most samples per second


def find_batch_size(run: RunRecord, data: Any) -> Found:
    """Return the smallest size that trains nearly as many samples per second as any, and the speed of all.

    Sizes are doubled, from `data.batch_size` on, until memory is full or a batch holds all training samples.

    Raises:
        UserError: not even the first one fits, or the data say nothing of sizes.
    """
    samples = training_samples(data)
    size = min(data.batch_size, samples)
    speeds: dict[float, float] = {}
    while True:
        data.batch_size = size
        stopwatch = Stopwatch()
        try:
            train_shortly(run, data, stopwatch, max_steps=WARM_UP + TIMED)
        except RuntimeError as error:
            if not is_oom_error(error):
                raise
            logger.info("data.batch_size={} does not fit into memory", size)
            break
        finally:
            garbage_collection_cuda()
        speeds[size] = round(stopwatch.samples / stopwatch.seconds, 1)
        logger.info("data.batch_size={} trains {:.3g} samples per second", size, speeds[size])
        if size == samples:
            break
        size = min(2 * size, samples)
    if not speeds:
        raise UserError(f"find=batch_size begins with data.batch_size={size}, which does not fit into memory")
    return Found("data.batch_size", smallest_fast(speeds), speeds)


def training_samples(data: Any) -> int:
    """Return how many samples are trained on.

    Raises:
        UserError: nothing says so, or batches have no size to change.
    """
    samples = spec_of(data).train_size
    if not samples:
        dataset = getattr(data.train_dataloader(), "dataset", None)
        samples = len(dataset) if isinstance(dataset, Sized) else 0
    if not samples or not hasattr(data, "batch_size"):
        lacks = "number of training samples (spec.train_size)" if not samples else "attribute batch_size"
        raise UserError(f"find=batch_size is not for {type(data).__name__}: it has no {lacks}")
    return samples


def smallest_fast(speeds: dict[float, float]) -> float:
    """Return the smallest size whose speed comes close to the highest."""
    return min(size for size, speed in speeds.items() if speed >= ENOUGH * max(speeds.values()))


class Stopwatch(Listener):
    """Times the steps after the first few. The losses that it reads wait until a GPU has come that far."""

    def __init__(self) -> None:
        self.samples, self.seconds, self.start = 0, math.nan, 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Count samples, and look at the clock at the first and the last step that is timed."""
        if self.start:
            self.samples += extract_batch_size(batch)
        elif trainer.global_step == WARM_UP:
            outputs["loss"].item()
            self.start = time.perf_counter()
        if trainer.global_step == trainer.max_steps:
            outputs["loss"].item()
            self.seconds = time.perf_counter() - self.start
