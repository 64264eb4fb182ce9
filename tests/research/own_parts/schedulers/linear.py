"""A rate that falls along a line."""

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def linear(optimizer: Optimizer, total_steps: int, final_fraction: float = 0.0) -> LRScheduler:
    """lr(t) = lr · (1 − (1 − f) t/T), f the final fraction and T the steps of the run."""
    return LambdaLR(optimizer, lambda step: 1 - (1 - final_fraction) * step / total_steps)
