"""The rows of a large table, a chunk at a time: how they are encoded and written to shards."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns.encoding import Remarks, TableEncoder
from ..files.table_files import in_chunks
from ..lazy_polars import pl
from ..parts import PARTS
from .shards import Shards

CHUNK = 2**16  # rows of the table that are in memory at once
TRAIN = PARTS.index("train")


@dataclass(frozen=True)
class Chunks:
    """The rows of a table that have a target, a chunk at a time, as often as they are asked for."""

    path: Path  # of the file, for messages
    table: "pl.LazyFrame"  # the columns to predict from
    present: NDArray[np.bool_]  # which rows have a target (rows,)
    part_of: NDArray[np.uint8]  # the part of each of these, a number in PARTS (rows with a target,)

    def __iter__(self) -> Iterator[tuple["pl.DataFrame", NDArray[np.uint8], int]]:
        """Yield rows, the part of each, and how many with a target came before."""
        seen = done = 0
        for chunk in in_chunks(self.table, CHUNK, self.path):
            rows = chunk.filter(self.present[seen : seen + chunk.height])
            seen += chunk.height
            yield rows, self.part_of[done : done + rows.height], done
            done += rows.height


def write_encoded(
    chunks: Chunks, encoder: TableEncoder, targets: NDArray[Any], centre: float, shards: Mapping[str, Shards]
) -> tuple[Any, Any]:
    """Write the rows of each part to its shards.

    Inputs are written as distances to the encoder's centres, values (samples, 1) as distances to `centre`.

    Returns:
        The moments of the inputs and of the targets of the training rows, as they are written: two StandardScalers.
    """
    from sklearn.preprocessing import StandardScaler

    written = dict.fromkeys(PARTS, 0)
    remarks = {part: Remarks() for part in PARTS}
    of_inputs, of_targets = StandardScaler(), StandardScaler()
    centres, is_class = encoder.centres, targets.ndim == 1
    for number, (chunk, part_of, first) in enumerate(chunks):
        # Dealt in an order drawn for each chunk: a table with a period could otherwise fall apart by it.
        order = np.random.default_rng(number).permutation(chunk.height)
        chunk, part_of, chunk_targets = chunk[order], part_of[order], targets[first + order]
        for code, part in enumerate(PARTS):
            mine = part_of == code
            inputs = encoder.encode(chunk.filter(mine), f"the {part} rows", remarks[part]) - centres
            part_targets = chunk_targets[mine] if is_class else chunk_targets[mine] - centre
            shards[part].write(written[part], inputs, part_targets)
            written[part] += len(inputs)
            if code == TRAIN and len(inputs):
                of_inputs.partial_fit(inputs)
                of_targets.partial_fit(part_targets.reshape(len(inputs), -1))
    for part in PARTS:
        remarks[part].say(f"the {part} rows")
    return of_inputs, of_targets
