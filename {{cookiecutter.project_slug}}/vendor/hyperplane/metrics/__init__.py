"""Metrics by their names, and whether higher or lower is better. Imports no torch.

`task.metrics=[accuracy,f1]` names entries of `METRICS`; any other class of torchmetrics, or a class of this package, is
named by its `_target_` and goes by its own name in snake case: `TopTwo` is top_two. A metric's direction is what its
class says, `higher_is_better`; it is stated nowhere else.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..components import Component, settings_class
from ..errors import UserError, with_nearest
from ..signatures import class_attribute

CLASSIFICATION = "torchmetrics.classification."
REGRESSION = "torchmetrics.regression."
OWN = f"{__package__}."


class Named(NamedTuple):
    """A class, and the arguments that its name stands for."""

    target: str
    arguments: Mapping[str, Any] = MappingProxyType({})


# Of two classes, f1, precision and recall are those of the second one, as everywhere; of more, the mean over classes.
BINARY = {
    "f1": Named(f"{CLASSIFICATION}BinaryF1Score"),
    "precision": Named(f"{CLASSIFICATION}BinaryPrecision"),
    "recall": Named(f"{CLASSIFICATION}BinaryRecall"),
    "auroc": Named(f"{OWN}ranking.BinaryAuroc"),
    "average_precision": Named(f"{CLASSIFICATION}BinaryAveragePrecision"),
}
MULTICLASS = {
    "accuracy": Named(f"{CLASSIFICATION}MulticlassAccuracy", {"average": "micro"}),
    "balanced_accuracy": Named(f"{CLASSIFICATION}MulticlassAccuracy", {"average": "macro"}),
    "f1": Named(f"{CLASSIFICATION}MulticlassF1Score"),
    "precision": Named(f"{CLASSIFICATION}MulticlassPrecision"),
    "recall": Named(f"{CLASSIFICATION}MulticlassRecall"),
    "auroc": Named(f"{OWN}ranking.MulticlassAuroc"),
    "average_precision": Named(f"{CLASSIFICATION}MulticlassAveragePrecision"),
    "brier": Named(f"{OWN}probabilities.Brier"),
    "calibration_error": Named(f"{CLASSIFICATION}MulticlassCalibrationError"),
    "iou": Named(f"{CLASSIFICATION}MulticlassJaccardIndex"),
    "matthews": Named(f"{CLASSIFICATION}MulticlassMatthewsCorrCoef"),
    "perplexity": Named(f"{OWN}probabilities.Perplexity"),
}
MULTILABEL = {
    "accuracy": Named(f"{CLASSIFICATION}MultilabelAccuracy"),
    "f1": Named(f"{CLASSIFICATION}MultilabelF1Score"),
    "precision": Named(f"{CLASSIFICATION}MultilabelPrecision"),
    "recall": Named(f"{CLASSIFICATION}MultilabelRecall"),
    "auroc": Named(f"{OWN}ranking.MultilabelAuroc"),
    "average_precision": Named(f"{CLASSIFICATION}MultilabelAveragePrecision"),
    "exact_match": Named(f"{CLASSIFICATION}MultilabelExactMatch"),
    "brier": Named(f"{OWN}probabilities.LabelBrier"),
    "calibration_error": Named(f"{OWN}probabilities.LabelCalibrationError"),
}
# R² and correlations are taken of each target, then averaged; errors of all targets together.
REAL = {
    "rmse": Named(f"{REGRESSION}MeanSquaredError", {"squared": False}),
    "mse": Named(f"{REGRESSION}MeanSquaredError"),
    "mae": Named(f"{REGRESSION}MeanAbsoluteError"),
    "mape": Named(f"{REGRESSION}MeanAbsolutePercentageError"),
    "r2": Named(f"{OWN}regression.R2"),
    "spearman": Named(f"{OWN}regression.Spearman"),
}
QUANTILES = {"quantile_loss": Named(f"{OWN}forecasting.QuantileLoss"), "mae": Named(f"{OWN}forecasting.MedianError")}

METRICS = {"classification": MULTICLASS, "multilabel": MULTILABEL, "regression": REAL, "forecasting": QUANTILES}
DEFAULTS = {
    "classification": ("accuracy",),
    "multilabel": ("accuracy", "f1"),
    "regression": ("rmse", "mae", "r2"),
    "forecasting": ("quantile_loss", "mae"),
}
# What a LightningModule logs by itself has no class that says so, where its name alone makes it plain.
PLAIN_NAMES = {"loss": False, "acc": True, "error": False, "bits_per_character": False}


def named(name: str, task: str, classes: int = 0) -> Component:
    """Return the settings of the metric of that name.

    The task is a key of `METRICS`. Two classes of a classification have metrics of their own.

    Raises:
        UserError: there is no metric of that name for the task.
    """
    known = METRICS.get(task, {}) | (BINARY if task == "classification" and classes == 2 else {})
    if name not in known:
        says = with_nearest(f"task.metrics: {name} is not a metric of {task or 'these data'}.", name, known)
        raise UserError(f"{says}\nKnown by name: {', '.join(known)}. Any other: {{_target_: torchmetrics.…}}")
    target, arguments = known[name]
    return settings_class(target).model_validate({"_target_": target, **arguments})


def snake_case(class_name: str) -> str:
    """Return the name that a metric goes by: that of its class, `TopTwo`, as `top_two`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", class_name).lower()


def higher_is_better(name: str, settings: Any) -> bool | None:
    """Return the direction of a metric before anything has run; None where nobody states it.

    The name is with or without its stage: val/f1, val_f1, f1. The task of the settings may name metrics by their
    classes, or state directions itself, in a class attribute `higher_is_better = {"elbo": True}`.
    """
    short = re.sub(r"^(train|val)_", "", name).rpartition("/")[2]
    task = getattr(settings, "task", None)
    for target in targets(getattr(task, "metrics", None) or ()):
        if snake_case(target.rpartition(".")[2]) == short:
            return class_attribute(target, "higher_is_better")
    if task is not None:
        stated = class_attribute(task.import_path, "higher_is_better") or {}
        if short in stated:
            return bool(stated[short])
    if short in PLAIN_NAMES:
        return PLAIN_NAMES[short]
    entry = next((known[short] for known in METRICS.values() if short in known), None)
    return class_attribute(entry.target, "higher_is_better") if entry is not None else None


def names(settings: Any) -> list[str]:
    """Return the metrics whose direction is known before anything has run, without their stage.

    Those of `METRICS` are left out for a task that takes no metrics by name.
    """
    by_name = METRICS.values() if settings.task.states("metrics_by_name") else ()
    own = [snake_case(target.rpartition(".")[2]) for target in targets(getattr(settings.task, "metrics", None) or ())]
    every = dict.fromkeys([*PLAIN_NAMES, *own, *(name for known in by_name for name in known)])
    return [name for name in every if higher_is_better(name, settings) is not None]


def targets(metrics: Iterable[Any]) -> list[str]:
    """Return the classes among the entries of `task.metrics`; the others are names."""
    return [metric["_target_"] for metric in metrics if isinstance(metric, dict) and "_target_" in metric]
