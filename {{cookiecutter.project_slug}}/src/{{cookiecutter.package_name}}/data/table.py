"""Your own table: rows of a CSV or Parquet file, with one column to predict."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray
from torch import Tensor

from ..mistakes import UserMistake, nearest
from .columns import as_text, listed
from .datamodule import ArrayDataModule, Arrays
from .encoding import TableEncoder
from .files import digest_of, read_table
from .spec import DataSpec
from .target import encode_target, has_value, infer_task

if TYPE_CHECKING:
    from polars import DataFrame

TaskName = Literal["classification", "regression"]

PARTS = ("train", "val", "test")


class Table(ArrayDataModule):
    """Rows (samples, features), encoded as `encoding.py` says; the encoder travels with the checkpoint.

    Args:
        path: the file, see `files.py`.
        target: the column to predict. Rows without it are left out.
        task: classification or regression; auto infers it from the target, see `target.py`.
        ignore: columns that are left out.
        test_fraction: share of the rows, drawn with the seed, that is for the test.
        split_column: a column that says for each row whether it is for train, val or test, instead of test_fraction;
            if no row is for val, val_fraction of the training rows are.
        **loading: the arguments of ArrayDataModule.
    """

    def __init__(
        self,
        *,
        path: str,
        target: str,
        task: Literal["auto", "classification", "regression"] = "auto",
        ignore: tuple[str, ...] = (),
        test_fraction: float = 0.2,
        split_column: str | None = None,
        **loading: Any,
    ) -> None:
        super().__init__(**loading)
        self.path = Path(path)
        self.target = target
        self.task = task
        self.ignore = ignore
        self.test_fraction = test_fraction
        self.split_column = split_column
        self.digest = ""  # of the file

    def load(self) -> Arrays:
        """Return the encoded rows.

        Raises:
            UserMistake: the file cannot be read, a column is not there, or the rows do not make a task.
        """
        table = read_table(self.path)
        self.digest = digest_of(self.path)
        features = table.select(self.features_of(table.columns))
        present = has_value(table, self.target)
        table, features = table.filter(present), features.filter(present)
        task, targets, class_names = self.targets_of(table)
        parts = self.parts_of(table)
        self.encoder = TableEncoder.fit(features[parts["train"]])
        self.state_spec(task, class_names)
        inputs = {part: self.encoder.encode(features[rows], f"the {part} rows") for part, rows in parts.items()}
        self.describe(table, targets, parts)
        fit, test = np.concatenate([parts["train"], parts["val"]]), parts["test"]
        self.train_rows = len(parts["train"])
        return Arrays(np.concatenate([inputs["train"], inputs["val"]]), targets[fit], inputs["test"], targets[test])

    def features_of(self, columns: Sequence[str]) -> list[str]:
        """Return the names of the columns to predict from.

        Raises:
            UserMistake: a column that a setting names is not there.
        """
        named = [("target", self.target), ("split_column", self.split_column or self.target)]
        for key, name in [*named, *(("ignore", name) for name in self.ignore)]:
            if name not in columns:
                raise UserMistake(
                    f"data.{key}={name} is no column of {self.path}. {nearest(name, columns)}\n"
                    f"It has: {listed(columns)}"
                )
        return [name for name in columns if name not in {self.target, self.split_column, *self.ignore}]

    def targets_of(self, table: "DataFrame") -> tuple[TaskName, NDArray[Any], tuple[str, ...]]:
        """Return the task, the encoded targets, and the names of the classes, if it is classification."""
        task = infer_task(table[self.target]) if self.task == "auto" else self.task
        return task, *encode_target(table[self.target], task)

    def state_spec(self, task: TaskName, class_names: tuple[str, ...]) -> None:
        """State the spec of the encoded rows.

        Raises:
            UserMistake: no column is left.
        """
        if not self.encoder.columns:
            raise UserMistake(f"{self.path} has no column left to predict {self.target} from")
        self.spec = DataSpec(
            task=task,
            input_shape=(len(self.encoder.names),),
            output_size=len(class_names) or 1,
            class_names=class_names,
            feature_names=self.encoder.names,
            target_names=() if class_names else (self.target,),
        )

    def parts_of(self, table: "DataFrame") -> dict[str, NDArray[np.int64]]:
        """Return the numbers of the rows of each part.

        Raises:
            UserMistake: a part that is needed has no rows, or the split column says something else.
        """
        if self.split_column is None:
            order = torch.randperm(table.height, generator=torch.Generator().manual_seed(self.seed)).numpy()
            held_out = round(self.test_fraction * table.height)
            parts = {"train": np.sort(order[held_out:]), "test": np.sort(order[:held_out])}
        else:
            says = as_text(table[self.split_column]).fill_null("(missing)").to_numpy()
            unknown = sorted({str(value) for value in says} - set(PARTS))
            if unknown:
                raise UserMistake(
                    f"data.split_column={self.split_column} holds {listed(unknown, 5)}; a row can be for "
                    f"{', '.join(PARTS)}. {nearest(unknown[0], PARTS)}"
                )
            parts = {part: np.flatnonzero(says == part) for part in PARTS}
        for part in ("train", "test"):
            if not len(parts[part]):
                raise UserMistake(
                    f"No row of {table.height} in {self.path} is for {part}: change data.test_fraction="
                    f"{self.test_fraction}, or the column that data.split_column={self.split_column} names"
                )
        if not len(parts.get("val", ())):
            train, val = super().split(len(parts["train"]))
            parts |= {"train": parts["train"][train], "val": parts["train"][val]}
        return parts

    def split(self, samples: int) -> tuple[Tensor, Tensor]:
        """Return the numbers of the training and of the validation samples, as `parts_of` drew them."""
        rows = torch.arange(samples)
        return rows[: self.train_rows], rows[self.train_rows :]

    @property
    def validates(self) -> bool:
        """Whether samples are held out for validation."""
        return len(self.raw["val"][0]) > 0

    def fit_scaling(self) -> None:
        """Standardise measurements only."""
        super().fit_scaling()
        self.keep_marks(self.scaling.input_mean, self.scaling.input_std)

    def keep_marks(self, mean: Tensor, std: Tensor) -> None:
        """Change moments (features,) so that marks of categories stay 0 and 1."""
        measured = torch.from_numpy(self.encoder.measured)
        mean[~measured] = 0
        std[~measured] = 1

    def describe(self, table: "DataFrame", targets: NDArray[Any], parts: dict[str, NDArray[np.int64]]) -> None:
        """Say in a few lines what was read and inferred."""
        inferred = "" if self.task != "auto" else ", inferred from its values; data.task= overrides it"
        logger.info("{}: {} of {} ({}{})", self.path, self.spec.task, self.target, table[self.target].dtype, inferred)
        categorical = sum(column.categories is not None for column in self.encoder.columns)
        logger.info(
            "{} numeric and {} categorical columns become {} features; rows: {}",
            len(self.encoder.columns) - categorical,
            categorical,
            len(self.encoder.names),
            ", ".join(f"{len(parts[part])} {part}" for part in PARTS),
        )
        trained = set(np.unique(targets[parts["train"]])) if self.spec.class_names else set()
        absent = [name for number, name in enumerate(self.spec.class_names) if number not in trained]
        if absent:
            logger.warning("No training row is of class {}: the model cannot learn it.", listed(absent))

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint keeps: how rows are encoded, and which file it was learned from."""
        return {"encoder": self.encoder.state(), "digest": self.digest}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the encoder of a checkpoint.

        Raises:
            UserMistake: the file has changed since, so that its rows would be split in another way.
        """
        if self.digest and self.digest != state_dict["digest"]:
            raise UserMistake(
                f"{self.path} has changed since this run was trained: its rows would be split anew, and the test rows "
                "would not be new to the model. `predict` takes new rows."
            )
        self.encoder = TableEncoder.from_state(state_dict["encoder"])
