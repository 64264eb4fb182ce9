"""The columns to predict: which task they make, and their values as class numbers, as labels or as numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..lazy_polars import pl
from .labels import encode_labels, labels, some_of
from .values import as_numbers, as_text, is_text, listed

TaskName = Literal["classification", "multilabel", "regression"]

FEW_INTEGERS = 10  # at most that many different integers are taken for classes


class Targets(NamedTuple):
    """What is predicted."""

    task: TaskName
    values: NDArray[Any]  # class numbers (N,) int64, labels of 0 and 1 (N, K) float32, or values (N, K) float64
    names: tuple[str, ...] = ()  # of classes or labels

    def of_spec(self, columns: Sequence[str]) -> dict[str, Any]:
        """Return what a DataSpec says of the targets; `columns` are their names."""
        return {
            "task": self.task,
            "output_size": len(self.names) or self.values.shape[1],
            "class_names": self.names,
            "target_names": () if self.names else tuple(columns),
        }

    def say(self, path: Path, columns: Sequence["pl.Series"], asked: str) -> None:
        """Say what the task is; `asked` is the setting, which may leave it open."""
        names, kinds = [one.name for one in columns], dict.fromkeys(str(one.dtype) for one in columns)
        inferred = "" if asked != "auto" else ", inferred from its values; data.task= overrides it"
        logger.info("{}: {} of {} ({}{})", path, self.task, listed(names, 5), ", ".join(kinds), inferred)


def has_value(table: "pl.DataFrame", targets: Sequence[str]) -> "pl.Series":
    """Return for each row whether it has all targets (rows,), and say how many have not."""
    present = present_in(table, targets)
    if not present.all():
        missing = (~present).sum()
        no_target = " or no ".join(targets)
        texts = any(is_text(table[name]) for name in targets)
        marks = " Marks such as NA and None are no class: give one of that name another." if texts else ""
        logger.warning("{} of {} rows have no {} and are left out.{}", missing, table.height, no_target, marks)
    return present


def present_in(table: "pl.DataFrame", targets: Sequence[str]) -> "pl.Series":
    """Return for each row whether it has all targets (rows,).

    Raises:
        UserError: none has.
    """
    present = pl.Series([True]).new_from_index(0, table.height)
    for name in targets:
        column = table[name]
        here = as_text(column).is_not_null() if is_text(column) else pl.Series(np.isfinite(as_numbers(column)))
        if not here.any():
            raise UserError(f"data.target={name}: all {table.height} rows have no value there")
        present = present & here
    if not present.any():
        raise UserError(f"data.target=[{', '.join(targets)}]: no row of {table.height} has a value in all of them")
    return present


def encode_targets(table: "pl.DataFrame", task: TaskName | Literal["auto"]) -> Targets:
    """Return the targets.

    With the task `auto` several columns of numbers are a regression, several that hold two values each are labels, and
    what one column is, `infer_task` says.

    Raises:
        UserError: the values do not make the task, or not any.
    """
    columns = table.get_columns()
    for column in columns:
        check_target(column)
    if len(columns) == 1 and task != "multilabel":
        task = infer_task(columns[0]) if task == "auto" else task
        if task == "classification":
            return Targets(task, *encode_classes(columns[0]))
        return Targets(task, values_of(columns))
    kind = infer_task_of_several(columns) if task == "auto" else task
    if kind == "classification":
        raise UserError(
            f"data.target=[{', '.join(table.columns)}]: data.task=classification has one target, whose classes exclude "
            "each other. Several columns that hold two values each are data.task=multilabel."
        )
    if kind == "multilabel":
        return Targets(kind, encode_labels(columns), tuple(table.columns))
    return Targets(kind, values_of(columns))


def check_target(target: "pl.Series") -> None:
    """Refuse a column that cannot be predicted: of dates, or of one value only."""
    if target.dtype.is_temporal():
        raise UserError(f"data.target={target.name} holds dates ({target.dtype}); make it a number or a category")
    if target.n_unique() == 1:
        raise UserError(f"data.target={target.name} is {target[0]!r} in all {len(target)} rows: nothing to learn")


def infer_task(target: "pl.Series") -> Literal["classification", "regression"]:
    """Return classification for text, booleans and at most ten different integers, else regression."""
    if is_text(target) or str(target.dtype) == "Boolean":
        return "classification"
    few = target.n_unique() <= min(FEW_INTEGERS, len(target) / 2)
    if not few or target.dtype.is_integer():
        return "classification" if few else "regression"
    values = as_numbers(target)
    return "classification" if (values == np.round(values)).all() else "regression"


def infer_task_of_several(targets: Sequence["pl.Series"]) -> Literal["multilabel", "regression"]:
    """Return multilabel if all columns hold two values, regression if all are numbers and none of them holds two."""
    are_labels = [labels(target) is not None for target in targets]
    are_texts = [is_text(target) for target in targets]
    if all(are_labels):
        return "multilabel"
    if not any(are_labels) and not any(are_texts):
        return "regression"
    held = [
        f"{target.name} holds {'two values' if two else some_of(target) if text else 'numbers'}"
        for target, two, text in zip(targets, are_labels, are_texts, strict=True)
    ]
    remedy = "" if any(are_texts) else " data.task=regression takes all of them as numbers."
    names = ", ".join(target.name for target in targets)
    raise UserError(
        f"data.target=[{names}] cannot be predicted together: {'; '.join(held)}.\n"
        "Several targets are either numbers (regression), or hold two values each, 0/1, true/false or yes/no "
        f"(multilabel).{remedy}"
    )


def values_of(targets: Sequence["pl.Series"]) -> NDArray[np.float64]:
    """Return the numbers (samples, K) of columns.

    Raises:
        UserError: one holds text.
    """
    for target in targets:
        if is_text(target):
            raise UserError(
                f"data.target={target.name} holds text such as {target[0]!r}; data.task=regression needs numbers. "
                "data.task=classification takes texts as classes."
            )
    return np.stack([as_numbers(target) for target in targets], axis=1)


def encode_classes(target: "pl.Series") -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Return class numbers (samples,) and the names of the classes in order."""
    distinct = target.n_unique()
    if distinct > len(target) / 2:
        raise UserError(
            f"data.target={target.name} has {distinct} different values in {len(target)} rows, too many for classes. "
            "data.task=regression predicts numbers."
        )
    if is_text(target):
        names, numbers = np.unique(as_text(target).to_numpy().astype(str), return_inverse=True)
        classes = names.tolist()
    elif target.dtype.is_integer():  # a float64 tells no two apart beyond 2⁵³, where identifiers lie
        values, numbers = np.unique(target.to_numpy(), return_inverse=True)
        classes = [str(value) for value in values]
    else:
        values, numbers = np.unique(as_numbers(target), return_inverse=True)
        is_bool = str(target.dtype) == "Boolean"
        classes = ["false", "true"] if is_bool else [f"{value:.15g}" for value in values]
    logger.info("Classes of {}: {}", target.name, listed(classes))
    return numbers.astype(np.int64), tuple(classes)
