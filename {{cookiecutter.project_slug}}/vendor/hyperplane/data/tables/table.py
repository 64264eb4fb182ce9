"""Your own table: rows of a CSV or Parquet file, with one or several columns to predict."""

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray
from pydantic import Field, PositiveInt
from torch import Tensor

from ...errors import UserError
from ...setting_types import Distinct, Excludes, InnerFraction
from ..columns.encoding import TableEncoder
from ..columns.leaks import point_at_leaks
from ..columns.names import as_names
from ..columns.roles import row_numbers, weights_of
from ..columns.stated import Stated
from ..columns.suspects import point_at_dates, point_at_nines, point_at_total
from ..columns.target import Targets, has_value
from ..datamodule import Arrays
from ..files.readings import Reading
from ..files.survey import Spelling
from ..files.table_files import read_as
from ..folds import strata
from ..lazy_polars import pl
from ..new_samples import NewSamples
from ..parts import PARTS, Parts, refuse_changed, sizes, warn_of_absent
from ..spec import DataSpec
from .divided_table import DividedTable
from .header import shown
from .sources import digest_of_all, files_of, names_of, read_rows


class Table(DividedTable):
    """Rows (samples, features), encoded as `encoding.py` says; the encoder travels with the checkpoint."""

    reads_inputs = True
    file_settings = ("path",)
    column_settings: tuple[str, ...] = (
        "target",
        "weights",
        "group",
        "split_column",
        "ignore",
        "categorical",
        "numeric",
        "dates",
        "text",
    )

    def __init__(
        self,
        *,
        path: str | Annotated[tuple[str, ...], Field(min_length=1)],  # .csv, .csv.gz, .tsv, .parquet, or a list of them
        pattern: str | None = None,  # of the names of files in the folder data.path, such as part-*.csv
        # The column to predict, or a list of several; rows without them are left out
        target: str | Annotated[tuple[str, ...], Field(min_length=1)],
        # Auto: inferred from the target, see `target.py`
        task: Literal["auto", "classification", "multilabel", "regression"] = "auto",
        ignore: tuple[str, ...] = (),  # columns that are left out
        # What columns hold, where their values would not tell or tell something else
        categorical: tuple[str, ...] = (),  # categories, even if they are written as numbers
        numeric: tuple[str, ...] = (),  # numbers, where some values are something else
        dates: tuple[str, ...] = (),  # dates or times
        # Free text, whose words are counted
        text: Annotated[
            tuple[str, ...],
            Distinct(("target", "weights", "group", "split_column", "ignore", "categorical", "numeric", "dates")),
        ] = (),
        max_words: PositiveInt = 500,  # of each column of text: the most frequent ones
        max_categories: PositiveInt = 500,  # of a column; more are hashed to this many columns
        weights: str | None = None,  # a column that says how much each row counts in the loss; no feature
        group: str | None = None,  # a column, such as patient: rows with the same value stay in one part; no feature
        test_fraction: InnerFraction = 0.2,  # of the rows, drawn with the seed; with folds it says nothing
        # A column that says train, val or test for each row; replaces test_fraction, and val_fraction if it says val
        split_column: Annotated[
            str | None, Distinct(("target", "weights", "group")), Excludes("folds", "says which rows are the test")
        ] = None,
        # Whether 02/01/2024 is 2 January; null: as the column itself says, and asked for where it does not
        day_first: bool | None = None,
        # Which mark separates decimals where 1,234 may be either number; null: as other values of the file say
        decimal: Literal["point", "comma"] | None = None,
        missing: tuple[str, ...] = (),  # what stands for a missing value, besides NA, nan, null and the like
        standardize: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(standardize=standardize, **options)
        self.given, self.pattern = path, pattern
        self.path = shown(path, pattern)
        self.targets = as_names(target)
        self.task, self.ignore = task, ignore
        kinds = {"categorical": categorical, "numeric": numeric, "dates": dates, "text": text}
        kinds |= {"target": self.targets} if task == "regression" else {}
        self.stated = Stated.of(kinds, max_categories, max_words)
        self.weights, self.group = weights, group
        self.test_fraction = test_fraction
        self.split_column = split_column
        self.spelling = Spelling(day_first, decimal, tuple(missing), is_local=True)
        self.digest = ""  # of the file

    def load(self) -> Arrays:
        """Return the encoded rows.

        Raises:
            UserError: the file cannot be read, a column is not there, or the rows do not make a task.
        """
        names, table, readings = self.read()
        features = table[names]
        numbered = row_numbers(column for column in features if column.name not in self.stated.kinds)
        present = has_value(table, self.targets)
        weights = None if self.weights is None else weights_of(table[self.weights], present.to_numpy())
        table, features = table.filter(present), features.filter(present)
        point_at_total(table)
        point_at_nines(table[name] for name in (*names, *self.targets))
        point_at_dates(column for column in features if column.name not in {*self.stated.kinds, *numbered})
        encoded = self.targets_of(table)
        task, targets, _ = encoded
        parts = self.parts_of(table, strata(targets, task))
        trained = features[parts["train"]]
        self.encoder = self.fit_encoder(trained, readings, numbered)
        self.state_spec(encoded)
        self.point_at_leaks(trained, targets[parts["train"]])
        fit, test = np.concatenate([parts["train"], parts["val"]]), parts["test"]
        self.train_rows = len(parts["train"])
        inputs = self.encode_parts(features, parts)
        self.describe(table, encoded, parts)
        arrays = Arrays(inputs[: len(fit)], targets[fit], inputs[len(fit) :], targets[test])
        if weights is None:
            return arrays
        for part, rows in parts.items():
            if len(rows) and not weights[rows].any():
                raise UserError(f"data.weights={self.weights} is 0 in all {len(rows)} {part} rows: none of them counts")
        return arrays._replace(train_weights=weights[fit], test_weights=weights[test])

    def read(self) -> tuple[list[str], "pl.DataFrame", dict[str, Reading]]:
        """Return the names of the columns to predict from, all columns that have a role, and how they are read.

        Raises:
            UserError: the file cannot be read, or a column is not there.
        """
        files = files_of(self.given, self.pattern)
        names = self.features_of(names_of(files))
        table, readings = read_rows(files, self.with_roles(names), self.spelling, self.stated)
        self.digest = digest_of_all(files)
        return names, table, readings

    def encode_parts(self, features: "pl.DataFrame", parts: Parts) -> NDArray[Any]:
        """Return the encoded rows (samples, features) of all parts, one after the other, without a copy."""
        inputs = np.empty((sum(map(len, parts.values())), len(self.encoder.names)))
        ends = np.cumsum([len(parts[part]) for part in PARTS])
        for part, place in zip(PARTS, np.split(inputs, ends[:-1]), strict=True):
            self.encoder.encode(features[parts[part]], f"the {part} rows", out=place)
        return inputs

    def fit_encoder(self, table: "pl.DataFrame", readings: dict[str, Reading], numbered: dict[str, str]) -> Any:
        """Return what encodes rows in the way that the training rows ask for; see `TableEncoder.fit`."""
        return TableEncoder.fit([table], readings, numbered, self.stated)

    def point_at_leaks(self, features: "pl.DataFrame", targets: NDArray[Any]) -> None:
        """Warn of columns that predict a target almost alone; free text and the columns left out are none of them."""
        if not isinstance(self.encoder, TableEncoder):  # of a data set that extends this one
            return
        kept = [column.name for column in self.encoder.columns if self.stated.kinds.get(column.name) != "text"]
        point_at_leaks(features[kept], targets, self.targets)

    def state_spec(self, encoded: Targets) -> None:
        """State the spec of the encoded rows; refuse those of which no column tells anything."""
        if not self.encoder.columns:
            raise UserError(
                f"{self.path} has no column left to predict {self.target} from. {self.encoder.why_left_out()}\n"
                "Features are numbers, dates, and categories that several rows share; data.text=[...] takes the words "
                "of a column of free text."
            )
        names = self.encoder.names
        self.spec = DataSpec(input_shape=(len(names),), feature_names=names, **encoded.of_spec(self.targets))

    def fit_scaling(self) -> None:
        """Standardise measurements only."""
        super().fit_scaling()
        self.keep_marks(self.scaling.input_mean, self.scaling.input_std)

    def keep_marks(self, mean: Tensor, std: Tensor) -> None:
        """Change moments (features,) so that marks of categories stay 0 and 1."""
        measured = torch.from_numpy(self.encoder.measured)
        mean[~measured] = 0
        std[~measured] = 1

    def describe(self, table: "pl.DataFrame", targets: Targets, parts: Parts) -> None:
        """Say in a few lines what was read and inferred."""
        targets.say(self.path, [table[name] for name in self.targets], self.task)
        logger.info("{}; rows{}: {}", self.described_features(), self.of_fold, sizes(parts))
        for part in ("val", "test"):
            if len(parts[part]) == 1:
                logger.warning("One row is for {}: metrics that compare rows, such as r2, are not defined there.", part)
        warn_of_absent(torch.from_numpy(targets.values[parts["train"]]), self.spec, "row")

    def described_features(self) -> str:
        """Say what becomes of the columns that are predicted from."""
        return f"{len(self.encoder.columns)} columns become {len(self.encoder.names)} features"

    def read_inputs(self, source: Path, spec: DataSpec) -> NewSamples:
        """Return the rows of a file, encoded as those of the training.

        Raises:
            UserError: the file cannot be read, or a column is not there or holds something else.
        """
        table = read_as(source, self.encoder.readings, "input")
        return NewSamples.of(self.encoder.encode(table, f"the rows of {source}"))

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint keeps: how rows are encoded, and which file it was learned from."""
        return {"encoder": self.encoder.state(), "digest": self.digest}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the encoder of a checkpoint, and refuse a file that has changed since."""
        refuse_changed(self.digest, state_dict["digest"], f"{self.path} has", "rows")
        self.encoder = TableEncoder.from_state(state_dict["encoder"])
