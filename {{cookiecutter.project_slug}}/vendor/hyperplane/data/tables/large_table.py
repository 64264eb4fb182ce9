"""Your own table that does not fit in memory: encoded once, kept in files, read in shards while it is trained on.

Encodings, split and statistics are those of data=table.
"""

import copy
import json
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from numpy.typing import NDArray
from torch import Tensor

from ...errors import UserError
from ...setting_types import Folder, Refused
from ..batches import evaluation_batch
from ..columns.encoding import TableEncoder
from ..datamodule import EVALUATION_BATCH, Arrays
from ..scaling import Scaling
from ..spec import DataSpec
from .shards import Samples, ShardBatches, Shards
from .written_table import STATED, WrittenTable

# What a table that is read from files all the time cannot have
NOT_LARGE = "data=large_table takes one target, no weights and no folds; data=table, which is in memory, takes them"
Untold = Annotated[tuple[str, ...], Refused("data=large_table infers the types of all columns; use data=table")]


class LargeTable(WrittenTable):
    """Rows as in `Table`. They are stored in an order of their own, which is also the one of `shuffle=False`.

    Raises:
        UserError: several targets, weights or folds are given.
    """

    column_settings = ("target", "group", "split_column", "ignore")

    def __init__(
        self,
        *,
        path: str,  # the file: .csv, .csv.gz, .tsv or .parquet
        pattern: Annotated[str | None, Refused("data=large_table reads one file; use data=table")] = None,
        target: str,
        task: Literal["auto", "classification", "regression"] = "auto",
        categorical: Untold = (),
        numeric: Untold = (),  # numbers; not here
        dates: Untold = (),  # dates; not here
        text: Untold = (),
        weights: Annotated[str | None, Refused("data=large_table has no weights; use data=table")] = None,
        folds: Annotated[int | None, Refused("data=large_table has no folds; use data=table")] = None,
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

    def load(self) -> Arrays:
        raise NotImplementedError("the rows do not fit in memory")

    def training_samples(self) -> tuple[Tensor, Tensor]:
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
        return self.shards["val"].rows > 0

    def train_dataloader(self) -> ShardBatches:
        seed = self.seed if self.shuffle else None
        return ShardBatches(self.shards["train"], self.prepare, self.batch_size, seed)

    def evaluation_batches(self, part: str) -> ShardBatches:
        """Return a part in the order of its files, in large batches."""
        sample_bytes = self.shards[part].row_bytes + 4 * self.spec.output_size
        return ShardBatches(self.shards[part], self.prepare, evaluation_batch(EVALUATION_BATCH, sample_bytes))
