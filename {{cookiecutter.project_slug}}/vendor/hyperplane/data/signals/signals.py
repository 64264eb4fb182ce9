"""Your own signals: samples of positions and channels in a file, with a class, labels or values for each."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import torch
from loguru import logger
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from ...errors import UserError
from ...setting_types import InnerFraction
from ..arrays import Samples
from ..columns.names import as_names
from ..columns.roles import groups_of
from ..columns.target import Targets, encode_targets, has_value
from ..columns.values import listed
from ..datamodule import Arrays
from ..files.access import digest_of
from ..files.readings import Reading
from ..folds import strata
from ..lazy_polars import pl
from ..new_samples import NewSamples
from ..parts import Parts, numbers_of, refuse_changed, sizes, warn_of_absent
from ..spec import DataSpec
from .alike import SignalFiles, joined
from .arrays import MARK, Roles, lengths_of, padded, without_gaps

if TYPE_CHECKING:
    from matplotlib.figure import Figure
USUAL_TARGETS = {".npz": ("y",), ".ts": ("label",)}  # where data.target= names none


class Signals(SignalFiles):
    """Signals (positions, channels), each channel standardised. Shorter ones are padded; batches hold a mask then."""

    reads_inputs = True
    file_settings = ("path", "test_path")

    def __init__(
        self,
        *,
        path: str,  # the file: .npz, .ts, .csv, .csv.gz, .tsv or .parquet, see `files.py`
        test_path: str | None = None,  # another one with the signals of the test; null: they are drawn from `path`
        # The column or array to predict, or a list of several; null: y of an .npz file, the label of a .ts file
        target: str | Annotated[tuple[str, ...], Field(min_length=1)] | None = None,
        series: str | None = None,  # of a table: the column that says which signal a row is of
        position: str | None = None,  # of a table: the column that orders the rows of a signal; null: as they stand
        channels: tuple[str, ...] = (),  # of a table: the columns of values; empty: all other columns of numbers
        # Auto: inferred from the target, see `target.py`
        task: Literal["auto", "classification", "multilabel", "regression"] = "auto",
        group: str | None = None,  # a column or array, such as patient: signals with the same value stay in one part
        test_fraction: InnerFraction = 0.2,  # of the signals, drawn with the seed; with folds or test_path unused
        fill: bool = False,  # missing values take the last value before, and one more channel marks them
        standardize: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(standardize=standardize, **options)
        self.paths = [Path(path), *([] if test_path is None else [Path(test_path)])]
        usual = USUAL_TARGETS.get(self.paths[0].suffix.lower(), ())
        self.targets = usual if target is None else as_names(target)
        self.roles = Roles(series, position, channels, (*self.targets, *([] if group is None else [group])))
        self.task = task
        self.group = group
        self.test_fraction = test_fraction
        self.fill = fill
        self.channels: tuple[str, ...] = ()
        self.length = 0  # positions of the longest signal
        self.has_mask = False  # signals are of unequal lengths
        self.readings: dict[str, Reading] = {}
        self.digests: list[str] = []  # of the files

    def load(self) -> Arrays:
        """Return the signals, padded with NaN.

        Raises:
            UserError: a file cannot be read or lacks something, values are missing, or the targets do not make a task.
        """
        files = self.read_files()
        self.digests = [digest_of(path) for path in self.paths]
        self.length = max(file.values.shape[1] for file in files)
        columns = joined([self.columns_of(file, path) for file, path in zip(files, self.paths, strict=True)])
        names = self.names_of(columns)
        present = has_value(columns, names)
        columns, is_used = columns.filter(present), present.to_numpy()
        whole = [
            without_gaps(file.values, self.channels, self.fill, str(path))
            for file, path in zip(files, self.paths, strict=True)
        ]
        values = np.concatenate([padded(one, self.length) for one in whole])[is_used]
        is_test = np.repeat(np.arange(len(files)) == 1, [len(file.values) for file in files])[is_used]
        self.has_mask = bool((lengths_of(values) < self.length).any())
        encoded = encode_targets(columns[names], self.task)
        task, targets, _ = encoded
        groups = None if self.group is None else groups_of(columns[self.group])
        parts = self.parts_of(is_test, strata(targets, task), groups)
        self.spec = DataSpec(
            input_shape=values.shape[1:],
            feature_names=(*self.channels, *([MARK] if self.fill else [])),
            has_mask=self.has_mask,
            **encoded.of_spec(names),
        )
        self.describe(lengths_of(values), columns[names], encoded, parts)
        fit, test = np.concatenate([parts["train"], parts["val"]]), parts["test"]
        self.train_rows = len(parts["train"])
        return Arrays(values[fit], targets[fit], values[test], targets[test])

    def parts_of(self, is_test: NDArray[np.bool_], kinds: NDArray[np.int64], groups: NDArray[np.int64] | None) -> Parts:
        """Return the numbers of the signals of each part."""
        if self.folds is not None or len(self.paths) == 1:
            is_test = self.tested(kinds, groups)
        files = listed(list(map(str, self.paths)))
        parts = numbers_of(np.where(is_test, "test", "train"))
        return self.needed(parts, files, groups, f"data.test_fraction={self.test_fraction}")

    def fit_scaling(self) -> None:
        """Take the statistics of the targets, and of each channel over all positions of the training signals."""
        inputs, targets = self.raw["train"]
        positions = inputs.flatten(0, 1)
        self.scaling.fit(positions[~positions.isnan().all(dim=1)], targets)

    def standardised(self, inputs: Tensor, targets: Tensor, *weights: Tensor) -> Samples:
        """Return signals as a step receives them, with a mask if they are of unequal lengths."""
        scaled = self.scaling(inputs)
        return (*(scaled if self.spec.has_mask else (scaled,)), self.scaling.scale_targets(targets))

    def describe(self, lengths: NDArray[np.int64], columns: "pl.DataFrame", targets: Targets, parts: Parts) -> None:
        targets.say(self.paths[0], columns.get_columns(), self.task)
        positions = f"{lengths.min()} to {lengths.max()}" if self.spec.has_mask else str(self.length)
        count = len(self.spec.feature_names)
        channels = "1 channel" if count == 1 else f"{count} channels"
        logger.info("Signals of {} positions and {}{}: {}", positions, channels, self.of_fold, sizes(parts))
        warn_of_absent(torch.from_numpy(targets.values[parts["train"]]), self.spec, "signal")

    def read_inputs(self, path: Path, spec: DataSpec) -> NewSamples:
        """Return new signals as the model takes them, and the names that the file has for them.

        Raises:
            UserError: the file cannot be read, or its signals are longer than those of the training, or shorter where
                these were all of one length.
        """
        file = self.read_like(path, "input")
        lengths = file.lengths
        wrong = (lengths > self.length) | ((lengths < self.length) & (not self.has_mask))
        if wrong.any():
            first = int(wrong.argmax())
            raise UserError(
                f"input={path}: signal {first + 1} has {lengths[first]} positions; the model was trained on signals of "
                f"{'at most ' if self.has_mask else ''}{self.length}"
            )
        values = without_gaps(padded(file.values, self.length), self.channels, self.fill, f"input={path}")
        names = [name for name in file.columns.columns if name == self.roles.series]
        return NewSamples.of(values, file.columns.select(names) if names else None)

    def state_dict(self) -> dict[str, Any]:
        """Return what the checkpoint keeps: what new signals must be like, and which files it was learned from."""
        return {
            "channels": self.channels,
            "length": self.length,
            "has_mask": self.has_mask,
            "readings": {name: asdict(reading) for name, reading in self.readings.items()},
            "digests": self.digests,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take what a checkpoint keeps; refuse a file that has changed since: it would be split anew."""
        for path, now, before in zip(self.paths, self.digests, state_dict["digests"], strict=False):
            refuse_changed(now, before, f"{path} has", "signals")
        self.channels, self.length = tuple(state_dict["channels"]), state_dict["length"]
        self.has_mask = state_dict["has_mask"]
        self.readings = {name: Reading.from_state(state) for name, state in state_dict["readings"].items()}

    def figures(self, task: Any) -> dict[str, "Figure"]:
        from ...figures.signals import some_signals

        inputs, targets = self.arrays("train")
        return {"signals": some_signals(inputs, targets, self.spec.feature_names, self.spec.class_names)}
