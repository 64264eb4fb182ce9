"""Schedules along half a cosine. Each takes the optimizer and the total steps of the run."""

import math

from hyperplane.setting_types import Fraction, InnerFraction, ProperFraction
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler


def cosine(
    optimizer: Optimizer,
    total_steps: int,
    final_fraction: Fraction = 0.0,  # of lr, at the end
) -> LRScheduler:
    """lr(t) = lr · (f + (1 − f)(1 + cos(πt/T))/2), f the final fraction and T the total steps.

    Source: Loshchilov & Hutter 2017, https://arxiv.org/abs/1608.03983, equation 5 without restarts.
    """
    return LambdaLR(optimizer, lambda step: along_cosine(1.0, final_fraction, step / max(total_steps, 1)))


def warmup_cosine(
    optimizer: Optimizer,
    total_steps: int,
    warmup_fraction: ProperFraction = 0.1,  # of all steps
    final_fraction: Fraction = 0.0,  # of lr, at the end
) -> LRScheduler:
    """lr(t) = lr · (t + 1)/W while t < W, W the steps of the warm-up; then along half a cosine to f · lr at T.

    For transformers, whose first steps are unstable. Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762.
    """
    warmup = round(warmup_fraction * total_steps)

    def scale(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return along_cosine(1.0, final_fraction, (step - warmup) / max(total_steps - warmup, 1))

    return LambdaLR(optimizer, scale)


def onecycle(
    optimizer: Optimizer,
    total_steps: int,
    rise_fraction: InnerFraction = 0.3,  # of all steps
    initial_fraction: Fraction = 0.04,  # of lr, at the start
    final_fraction: Fraction = 0.0,  # of lr, at the end
) -> LRScheduler:
    """From i · lr at t = 0 up to lr at t = rT, then down to f · lr at T, both along half a cosine.

    Source: Smith & Topin 2018, https://arxiv.org/abs/1708.07120; the momentum is not changed.
    """
    peak = max(rise_fraction * total_steps, 1.0)

    def scale(step: int) -> float:
        if step < peak:
            return along_cosine(initial_fraction, 1.0, step / peak)
        return along_cosine(1.0, final_fraction, (step - peak) / max(total_steps - peak, 1))

    return LambdaLR(optimizer, scale)


def along_cosine(start: float, end: float, progress: float) -> float:
    """Interpolate between `start` and `end` along half a cosine; from progress 1 on, return `end`."""
    return end + (start - end) * (1 + math.cos(math.pi * min(progress, 1.0))) / 2
