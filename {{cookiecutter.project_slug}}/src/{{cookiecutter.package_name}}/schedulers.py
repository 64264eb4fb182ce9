"""Learning rate schedules that know how long the run is. Each takes the optimizer and the run's total steps."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau


def cosine(optimizer: Optimizer, total_steps: int, final_fraction: float = 0.0) -> LRScheduler:
    """lr(t) = lr · (f + (1 − f)(1 + cos(πt/T))/2), f the final fraction and T the total steps.

    Source: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983, equation 5 without restarts.
    """

    def scale(step: int) -> float:
        progress = min(step / max(total_steps, 1), 1.0)
        return final_fraction + (1 - final_fraction) * (1 + math.cos(math.pi * progress)) / 2

    return LambdaLR(optimizer, scale)


def plateau(optimizer: Optimizer, total_steps: int, factor: float = 0.5, patience: int = 10) -> ReduceLROnPlateau:
    """lr ← factor · lr after `patience` epochs in a row without a lower validation loss."""
    return ReduceLROnPlateau(optimizer, factor=factor, patience=patience)
