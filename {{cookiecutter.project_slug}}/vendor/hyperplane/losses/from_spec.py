"""What losses take from the spec of the data: whether they serve its task, and weights of its classes.

Dimensions: K outputs.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from ..data.spec import DataSpec
from ..errors import UserError

ClassWeights = tuple[NonNegativeFloat, ...] | Literal["balanced"] | None

TASKS = ("classification", "multilabel", "regression", "forecasting")  # that have losses of their own


def require(spec: DataSpec, task: str, name: str) -> None:
    """Refuse a loss on data of another task that has losses of its own; a project's own task may take any."""
    if spec.task != task and spec.task in TASKS:
        raise UserError(f"loss={name} is for {task}, but these data are for {spec.task}. loss=auto chooses what fits.")


def weight_of_classes(spec: DataSpec, weights: ClassWeights, key: str = "loss.class_weights") -> Tensor | None:
    """Return a weight for each class; `balanced` has mean 1 over the training targets.

    Raises:
        UserError: their number is not that of the classes, or these were not counted.
    """
    if weights is None:
        return None
    if weights == "balanced":
        counts = counted(spec, key)
        return counts.sum() / (spec.output_size * counts.clamp(min=1))
    return listed_weights(spec, weights, key, "classes")


def counted(spec: DataSpec, key: str) -> Tensor:
    """Return the training targets of each class (K,).

    Raises:
        UserError: the data do not state them.
    """
    if not spec.class_counts:
        raise UserError(f"{key}=balanced needs to know how frequent classes are: these data state no class_counts")
    return torch.tensor(spec.class_counts)


def listed_weights(spec: DataSpec, weights: Sequence[float], key: str, what: str) -> Tensor:
    """Return weights that were given one by one (K,).

    Raises:
        UserError: they are not as many as there are outputs.
    """
    if len(weights) != spec.output_size:
        raise UserError(f"{key} has {len(weights)} entries, but the data have {spec.output_size} {what}")
    return torch.tensor([float(weight) for weight in weights])
