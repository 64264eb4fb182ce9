"""Settings of losses, optimizers and learning rate schedules."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from ..components import Component

Fraction = Annotated[float, Field(ge=0, le=1)]
Betas = tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]]


class CrossEntropy(Component, target="losses.CrossEntropy"):
    """−log softmax(logits)ₜ."""

    class_weights: tuple[NonNegativeFloat, ...] | Literal["balanced"] | None = None  # how much each class counts


class BinaryCrossEntropy(Component, target="losses.BinaryCrossEntropy"):
    """−p t log σ(o) − (1 − t) log(1 − σ(o)), for each label by itself."""

    # How much a label counts where it applies; balanced: as much in all as where it does not
    pos_weight: tuple[NonNegativeFloat, ...] | Literal["balanced"] | None = None


class Hinge(Component, target="losses.Hinge"):
    """max(0, 1 − y f)."""

    class_weights: tuple[NonNegativeFloat, ...] | Literal["balanced"] | None = None  # how much each class counts


class SquaredError(Component, target="losses.SquaredError"):
    """(ŷ − y)²."""


class Huber(Component, target="losses.Huber"):
    """Squared below delta, linear above."""

    delta: PositiveFloat = 1.0  # in standard deviations of the target if the data are standardised


class Quantile(Component, target="losses.Quantile"):
    """max(q(y − ŷ), (q − 1)(y − ŷ)); the quantiles q are those of the data."""


class SGD(Component, target="torch.optim.SGD"):
    """w ← w − lr ∇; with momentum μ: v ← μv + ∇, w ← w − lr v."""

    lr: PositiveFloat = 0.1  # learning rate
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0  # μ
    nesterov: bool = False  # look ahead: w ← w − lr (∇ + μv)
    weight_decay: NonNegativeFloat = 0.0  # λ of λw, added to ∇
    fused: bool = True  # one kernel updates all parameters, which halves the optimizer's time for small models

    @model_validator(mode="after")
    def nesterov_needs_momentum(self) -> Self:
        """Refuse what torch would refuse later."""
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=true needs momentum above 0")
        return self


class Adam(Component, target="torch.optim.Adam"):
    """Kingma & Ba 2015, https://arxiv.org/abs/1412.6980."""

    lr: PositiveFloat = 1e-3  # learning rate
    betas: Betas = (0.9, 0.999)  # how slowly the means of ∇ and of ∇² forget
    eps: PositiveFloat = 1e-8  # added to the denominator
    weight_decay: NonNegativeFloat = 0.0  # λ of λw, added to ∇
    fused: bool = True  # one kernel updates all parameters


class AdamW(Adam, target="torch.optim.AdamW"):
    """Adam with weight decay apart from the gradient: Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101."""

    weight_decay: NonNegativeFloat = 1e-2  # λ: w ← w − lr λ w, apart from ∇


class RMSprop(Component, target="torch.optim.RMSprop"):
    """v ← αv + (1 − α)∇², w ← w − lr ∇/(√v + ε): Tieleman & Hinton 2012."""

    lr: PositiveFloat = 1e-3  # learning rate
    alpha: Annotated[float, Field(ge=0, lt=1)] = 0.99  # how slowly the mean of ∇² forgets
    eps: PositiveFloat = 1e-8  # added to the denominator
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0  # of the steps
    centered: bool = False  # subtract the squared mean of ∇ from v
    weight_decay: NonNegativeFloat = 0.0  # λ of λw, added to ∇


class LBFGS(Component, target="torch.optim.LBFGS"):
    """w ← w − lr H∇, H from the last steps' differences: Liu & Nocedal 1989. One step is up to max_iter such moves."""

    lr: PositiveFloat = 1.0  # learning rate: length of the first move, and of all without a line search
    max_iter: PositiveInt = 20  # moves in a step
    max_eval: PositiveInt | None = None  # evaluations of the loss in a step; None: 1.25 max_iter
    tolerance_grad: NonNegativeFloat = 1e-7  # a step ends early when no entry of ∇ is larger
    tolerance_change: NonNegativeFloat = 1e-9  # or when loss and weights change by less
    history_size: PositiveInt = 100  # differences that are remembered
    line_search_fn: Literal["strong_wolfe"] | None = "strong_wolfe"  # None: moves of length lr


class Muon(Component, target="optimizers.Muon"):
    """Steps along the nearest orthogonal matrix in hidden layers, AdamW in the others."""

    lr: PositiveFloat = 1e-3  # of both
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.95  # of the gradients, before they are made orthogonal
    weight_decay: NonNegativeFloat = 0.01  # w ← w − lr · weight_decay · w, in all layers
    ns_steps: Annotated[int, Field(ge=1, lt=100)] = 5  # Newton-Schulz steps towards the orthogonal matrix
    betas: Betas = (0.9, 0.999)  # of AdamW


class Timed(Component):
    """A schedule over all steps of the run, so that it must know how many there are."""


class Cosine(Timed, target="schedulers.cosine"):
    """From lr down to final_fraction · lr along half a cosine, over all steps of the run."""

    final_fraction: Fraction = 0.0  # of lr, at the end


class WarmupCosine(Timed, target="schedulers.warmup_cosine"):
    """Up to lr along a line, then down to final_fraction · lr along half a cosine."""

    warmup_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1  # of all steps
    final_fraction: Fraction = 0.0  # of lr, at the end


class OneCycle(Timed, target="schedulers.onecycle"):
    """Up from initial_fraction · lr to lr, then down to final_fraction · lr, both along half a cosine."""

    rise_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.3  # of all steps
    initial_fraction: Fraction = 0.04  # of lr, at the start
    final_fraction: Fraction = 0.0  # of lr, at the end


class Plateau(Component, target="schedulers.plateau"):
    """Lower the learning rate when the validation loss stops falling."""

    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5  # lr ← factor · lr
    patience: NonNegativeInt = 10  # epochs without a lower loss before that
