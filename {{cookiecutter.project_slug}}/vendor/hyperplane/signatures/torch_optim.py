"""What the signatures of torch.optim and its lr_scheduler do not say: ranges and meanings.

A range holds for the arguments of that name in all of their classes.
"""

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from ..setting_types import Fraction, InnerFraction, Needs, ProperFraction

OF_TORCH = "torch.optim."


class Ranges:
    """Of the numbers in an argument, by its name."""

    # Of optimizers

    lr: PositiveFloat  # learning rate
    betas: ProperFraction  # how slowly the means of ∇ and of ∇² forget
    eps: PositiveFloat  # added to the denominator; of a schedule: a smaller change of the rate is not made
    weight_decay: NonNegativeFloat  # λ of λw, added to ∇; of AdamW and Muon: w ← w − lr λ w, apart from ∇
    momentum: ProperFraction  # μ of v ← μv + ∇, w ← w − lr v
    momentum_decay: NonNegativeFloat  # of NAdam: how fast the momentum comes up
    dampening: NonNegativeFloat  # 1 − dampening is the factor of ∇ in v
    nesterov: Annotated[bool, Needs("momentum")]  # look ahead: w ← w − lr (∇ + μv)
    alpha: ProperFraction  # how slowly the mean of ∇² forgets
    centered: bool  # subtract the squared mean of ∇ from that of ∇²
    rho: ProperFraction  # how slowly the mean of ∇² forgets
    lr_decay: NonNegativeFloat  # of Adagrad: lr / (1 + step · lr_decay)
    max_iter: PositiveInt  # moves in a step, each with its own evaluations of the loss
    max_eval: PositiveInt  # evaluations of the loss in a step; None: 1.25 max_iter
    tolerance_grad: NonNegativeFloat  # a step ends early when no entry of ∇ is larger
    tolerance_change: NonNegativeFloat  # or when loss and weights change by less
    history_size: PositiveInt  # differences that are remembered
    line_search_fn: Literal["strong_wolfe"]  # None: moves of length lr
    ns_steps: Annotated[int, Field(ge=1, lt=100)]  # Newton-Schulz steps towards the orthogonal matrix
    fused: bool  # one kernel updates all parameters, which halves the optimizer's time for small models
    foreach: bool  # update several parameters at once; None: on a GPU
    maximize: bool  # climb instead

    # Of schedules

    factor: InnerFraction  # lr ← factor · lr
    patience: NonNegativeInt  # epochs without improvement before that
    threshold: NonNegativeFloat  # a smaller change is no improvement
    threshold_mode: Literal["rel", "abs"]  # what threshold is measured in: rel, the best value so far
    cooldown: NonNegativeInt  # epochs after it before the counting begins again
    min_lr: NonNegativeFloat  # the rate never falls below
    eta_min: NonNegativeFloat  # the smallest rate
    gamma: PositiveFloat  # lr ← gamma · lr
    step_size: PositiveInt  # epochs between two changes
    milestones: PositiveInt  # epochs at which the rate changes
    T_max: PositiveInt  # epochs down to eta_min
    T_0: PositiveInt  # epochs down to eta_min, before the first restart
    T_mult: PositiveInt  # each way down takes so many times as many epochs as the one before
    total_iters: NonNegativeInt  # epochs until the rate stays
    max_lr: PositiveFloat  # the largest rate
    base_lr: PositiveFloat  # the smallest rate
    pct_start: Fraction  # of all steps, on the way up
