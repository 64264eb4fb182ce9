"""Settings of losses, optimizers and learning rate schedules."""

from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, model_validator

from ..components import Component

Fraction = Annotated[float, Field(ge=0, le=1)]


class CrossEntropy(Component, target="losses.CrossEntropy"):
    """−log softmax(logits)ₜ."""

    class_weights: tuple[NonNegativeFloat, ...] | Literal["balanced"] | None = None  # how much each class counts


class Hinge(Component, target="losses.Hinge"):
    """max(0, 1 − y f)."""

    class_weights: tuple[NonNegativeFloat, ...] | Literal["balanced"] | None = None


class SquaredError(Component, target="losses.SquaredError"):
    """(ŷ − y)²."""


class Huber(Component, target="losses.Huber"):
    """Squared below delta, linear above."""

    delta: PositiveFloat = 1.0  # in standard deviations of the target if the data are standardised


class SGD(Component, target="torch.optim.SGD"):
    """w ← w − lr ∇; with momentum μ: v ← μv + ∇, w ← w − lr v."""

    lr: PositiveFloat = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0
    nesterov: bool = False
    weight_decay: NonNegativeFloat = 0.0
    fused: bool = True  # one kernel updates all parameters, which halves the optimizer's time for small models

    @model_validator(mode="after")
    def nesterov_needs_momentum(self) -> Self:
        """Refuse what torch would refuse later."""
        if self.nesterov and self.momentum == 0:
            raise ValueError("nesterov=true needs momentum above 0")
        return self


class Adam(Component, target="torch.optim.Adam"):
    """Kingma & Ba 2015, https://arxiv.org/abs/1412.6980."""

    lr: PositiveFloat = 1e-3
    betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (
        0.9,
        0.999,
    )
    eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0
    fused: bool = True


class AdamW(Adam, target="torch.optim.AdamW"):
    """Adam with weight decay apart from the gradient: Loshchilov & Hutter 2019, https://arxiv.org/abs/1711.05101."""

    weight_decay: NonNegativeFloat = 1e-2


class Cosine(Component, target="schedulers.cosine"):
    """From lr down to final_fraction · lr along half a cosine, over all steps of the run."""

    final_fraction: Fraction = 0.0


class Plateau(Component, target="schedulers.plateau"):
    """Lower the learning rate when the validation loss stops falling."""

    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5  # lr ← factor · lr
    patience: NonNegativeInt = 10  # epochs without a lower loss before that
