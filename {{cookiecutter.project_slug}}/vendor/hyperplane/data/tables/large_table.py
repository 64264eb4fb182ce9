"""Your own table that does not fit in memory: encoded once, kept in files, read in shards while it is trained on.

Encodings, split and statistics are those of data=table. The table is read three times: for the targets and the split,
for the statistics of the training rows, and to encode it. Chunks of rows are in memory, and of all rows the target, the
split and their numbers: some 50 bytes for each row while the table is encoded, nothing later.
"""

import copy
import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import torch
from filelock import FileLock
from loguru import logger
from numpy.typing import NDArray
from torch import Tensor

from ...errors import UserError
from ...setting_types import Folder, Refused
from ..batches import evaluation_batch
from ..columns.encoding import TableEncoder
from ..columns.roles import counts, row_numbers
from ..columns.target import has_value
from ..datamodule import EVALUATION_BATCH, Arrays
from ..files.access import digest_of, existing, readable
from ..files.layout import exactly
from ..files.table_files import column_names, scan_table
from ..folds import strata
from ..parts import PARTS
from ..scaling import RunningMoments, Scaling
from ..spec import DataSpec
from .chunks import CHUNK, TRAIN, Chunks, write_encoded
from .shards import Samples, ShardBatches, Shards
from .table import Table

if TYPE_CHECKING:
    from polars import LazyFrame

# What a table that is read from files all the time cannot have
NOT_LARGE = (
    "a large table has one target, no weights and no folds; data=table, which is in memory, may have all of them"
)
Untold = Annotated[tuple[str, ...], Refused("a large table is told nothing of columns: data=table may be")]
LAYOUT = 5  # of the files; raise it with CHUNK, SHARD_BYTES or what is encoded, so that they are made anew
STATED = "table.json"  # what is known of the rows; written last


class LargeTable(Table):
    """Rows as in `Table`. They are stored in an order of their own, which is also the one of `shuffle=False`.

    The encoded rows are kept in `<folder>/<name of the file>-<id>`; the id follows from the file and all that decides
    on split and encoding, the seed among it.

    Raises:
        UserError: several targets, weights or folds are given.
    """

    def __init__(
        self,
        *,
        path: str,  # the file: .csv, .csv.gz, .tsv or .parquet
        pattern: Annotated[str | None, Refused("a large table is one file: data=table, in memory, may be some")] = None,
        target: str,
        task: Literal["auto", "classification", "regression"] = "auto",
        categorical: Untold = (),
        numeric: Untold = (),  # numbers; not here
        dates: Untold = (),  # dates; not here
        text: Untold = (),
        weights: Annotated[str | None, Refused("a large table has no weights: data=table, in memory, may")] = None,
        folds: Annotated[int | None, Refused("a large table has no folds: data=table, in memory, may")] = None,
        folder: Folder = "data",  # where the encoded rows are kept, once for each seed
        **options: Any,
    ) -> None:
        super().__init__(path=path, target=target, task=task, weights=weights, folds=folds, **options)
        if len(self.targets) > 1 or self.task == "multilabel" or self.weights is not None or self.folds is not None:
            raise UserError(NOT_LARGE)
        self.folder = Path(folder)
        self.shards: dict[str, Shards] = {}

    def setup(self, stage: str | None = None) -> None:
        """Encode the table, unless it was encoded before.

        Raises:
            UserError: see `Table.load`; or there is no space for the encoded rows.
        """
        if self.shards:
            return
        folder = self.stored()
        stated = json.loads((folder / STATED).read_text(encoding="utf-8"))
        self.digest, self.encoder = stated["digest"], TableEncoder.from_state(stated["encoder"])
        self.spec = DataSpec.from_dict(stated["spec"])
        self.shards = {part: self.shards_of(part, rows, folder) for part, rows in stated["rows"].items()}
        self.scaling = Scaling(self.spec)
        if self.standardize:
            for name, values in stated["moments"].items():
                setattr(self.scaling, name, torch.tensor(values, dtype=torch.double))
        self.centres = torch.from_numpy(self.encoder.centres), torch.tensor(stated["target_centre"], dtype=torch.double)
        self.standardise = copy.deepcopy(self.scaling)  # the other one goes to the GPU with the model
        self.standardise.input_mean = self.scaling.input_mean - self.centres[0]
        self.standardise.target_mean = self.scaling.target_mean - self.centres[1]

    def stored(self) -> Path:
        """Return the folder with the encoded rows; of several processes that need it, one makes it."""
        file = existing(self.path, "data.path").resolve()
        origin = [LAYOUT, str(file), file.stat().st_size, file.stat().st_mtime_ns, self.target, self.task, *self.ignore]
        origin.append(self.stated.max_categories)
        split = [self.test_fraction, self.split_column, self.group, self.val_fraction, self.seed, asdict(self.spelling)]
        name = f"{file.stem}-{hashlib.sha256(json.dumps([origin, split]).encode()).hexdigest()[:12]}"
        folder, partial = self.folder / name, self.folder / f"{name}.partial"
        if (folder / STATED).is_file():
            logger.info("{}: its encoded rows are in {}", self.path, folder)
            return folder
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / f".{name}.lock"):
                if not (folder / STATED).is_file():  # another process may have made it meanwhile
                    self.make(folder, partial)
        except OSError as error:
            raise UserError(f"data.folder={self.folder}: the encoded rows cannot be kept there: {error}") from None
        return folder

    def make(self, folder: Path, partial: Path) -> None:
        """Write the encoded rows to `partial`, which becomes `folder` when all of them are there."""
        for left in (folder, partial):  # by a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir()
        try:
            self.write(partial)
            partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)

    def shards_of(self, part: str, rows: int, folder: Path) -> Shards:
        """Return the encoded rows of a part."""
        return Shards(folder, part, rows, len(self.spec.feature_names), "int64" if self.spec.class_names else "float32")

    def write(self, folder: Path) -> None:
        """Encode all rows and write them to `folder`."""
        logger.info("{} is encoded once; its rows are kept in {}", self.path, self.folder)
        features = self.features_of(column_names(self.path))
        scratch = folder / "rows"
        rows, readings = scan_table(self.path, self.with_roles(features), self.spelling, scratch=scratch)
        with readable(self.path, "data.path"):
            table = rows.select(exactly({*self.targets, *self.other_roles.values()})).collect()
        if table.is_empty():
            raise UserError(f"data.path={self.path} has column names, but no rows")
        with readable(self.path, "data.path"):
            numbered = self.row_numbers(rows.select(exactly(features)))
        present = has_value(table, self.targets)
        table = table.filter(present)
        encoded = self.targets_of(table)
        task, targets, class_names = encoded
        parts = self.parts_of(table, strata(targets, task))
        part_of = np.empty(table.height, np.uint8)
        for number, part in enumerate(PARTS):
            part_of[parts[part]] = number

        chunks = Chunks(self.path, rows.select(exactly(features)), present.to_numpy(), part_of)
        trained = (chunk.filter(part == TRAIN) for chunk, part, _ in chunks)
        self.encoder = TableEncoder.fit(trained, readings, numbered, self.stated)
        self.state_spec(encoded)
        self.describe(table, encoded, parts)
        del table
        sizes = {part: len(parts.pop(part)) for part in PARTS}
        centre = 0.0 if class_names else float(targets[part_of == TRAIN].mean())
        shards = {part: self.shards_of(part, sizes[part], folder) for part in PARTS}
        self.require_space(shards.values())
        moments = self.moments(*write_encoded(chunks, self.encoder, targets, centre, shards), centre)
        shutil.rmtree(scratch, ignore_errors=True)
        counts = np.bincount(targets[part_of == TRAIN], minlength=len(class_names)).tolist() if class_names else ()
        stated = {
            "digest": digest_of(self.path),
            "encoder": self.encoder.state(),
            "spec": replace(
                self.spec,
                train_size=sizes["train"],
                class_counts=tuple(counts),
                target_means=() if class_names else (centre,),
            ).to_dict(),
            "rows": sizes,
            "moments": moments,
            "target_centre": centre,
        }
        (folder / STATED).write_text(json.dumps(stated), encoding="utf-8")

    def row_numbers(self, features: "LazyFrame") -> dict[str, str]:
        """Return why columns that number the rows are left out; one of them is in memory at a time."""
        schema = features.collect_schema()
        whole = [name for name, kind in schema.items() if kind.is_integer()]
        first = features.select(exactly(whole)).head(CHUNK).collect()
        some = exactly(column.name for column in first if counts(column))
        return row_numbers(features.select(column).collect().to_series() for column in some)

    def require_space(self, shards: Iterable[Shards]) -> None:
        """Refuse rows that, encoded, do not fit on the disk."""
        needed = sum(part.rows * part.row_bytes for part in shards)
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise UserError(
                f"data.folder={self.folder}: the encoded rows need {needed / 2**30:.1f} GiB, {free / 2**30:.1f} GiB "
                "are free there. Name another folder, or leave columns out with data.ignore"
            )

    def moments(self, inputs: RunningMoments, targets: RunningMoments, centre: float) -> dict[str, list[float]]:
        """Return what to standardise by, as `Scaling` names it, of moments of the rows as they are written."""
        mean, std = inputs.result()
        mean += torch.from_numpy(self.encoder.centres)
        self.keep_marks(mean, std)
        moments = {"input_mean": mean, "input_std": std}
        if not self.spec.class_names:
            mean, std = targets.result()
            moments |= {"target_mean": mean + centre, "target_std": std}
        return {name: values.tolist() for name, values in moments.items()}

    def load(self) -> Arrays:
        """Refuse to load all rows."""
        raise NotImplementedError("the rows do not fit in memory")

    def training_samples(self) -> tuple[Tensor, Tensor]:
        """Refuse to return all rows at once."""
        raise UserError("this model is solved with all rows in memory at once: choose data=table, or another model")

    def prepare(self, inputs: Tensor, targets: Tensor) -> Samples:
        """Return rows as a step receives them, given as they are stored: as distances to their centres."""
        return self.standardise(inputs), self.standardise.scale_targets(targets)

    def arrays(self, part: str) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return inputs and targets of a sample of a part, its first shard, in the units of the data."""
        inputs, targets = self.shards[part].read(0)
        values = targets.double() + self.centres[1] if targets.is_floating_point() else targets
        return (inputs.double() + self.centres[0]).numpy(), values.numpy()

    @property
    def validates(self) -> bool:
        """Whether samples are held out for validation."""
        return self.shards["val"].rows > 0

    def train_dataloader(self) -> ShardBatches:
        """Return the training batches, in an order that follows from seed and epoch."""
        seed = self.seed if self.shuffle else None
        return ShardBatches(self.shards["train"], self.prepare, self.batch_size, seed)

    def evaluation_batches(self, part: str) -> ShardBatches:
        """Return a part in the order of its files, in large batches."""
        sample_bytes = self.shards[part].row_bytes + 4 * self.spec.output_size
        return ShardBatches(self.shards[part], self.prepare, evaluation_batch(EVALUATION_BATCH, sample_bytes))
