"""Rows that are too many for memory, in files; they are read in shards of some 8 MiB, each in one go.

While the rows are written they are dealt to the shards like cards, so that every shard is a sample of all rows, however
the table was sorted. An epoch takes the shards in a new order, and the rows of each in a new order: almost as good as
an order of all rows, whose random places in a file would cost a page fault for each row.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..batches import Batches, aligned

SHARD_BYTES = 8 * 2**20  # large enough for a disk to be fast, small enough for several of them to be in memory

Samples = tuple[Tensor, ...]  # inputs and targets


@dataclass(frozen=True)
class Shards:
    """The encoded rows of a part (train, val or test) in two files: inputs, and targets."""

    folder: Path
    part: str  # the name of the files
    rows: int
    features: int
    target_type: str  # int64 for class numbers (rows,), float32 for values (rows, 1)

    @property
    def files(self) -> tuple[tuple[Path, np.dtype[Any], tuple[int, ...]], ...]:
        """Path, type and shape of a row, of inputs and targets."""
        of_target = (1,) if self.target_type == "float32" else ()
        return (
            (self.folder / f"{self.part}.inputs", np.dtype(np.float32), (self.features,)),
            (self.folder / f"{self.part}.targets", np.dtype(self.target_type), of_target),
        )

    @property
    def row_bytes(self) -> int:
        """What a row takes in both files."""
        return sum(kind.itemsize * math.prod(shape) for _, kind, shape in self.files)

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where each shard begins, and the last one ends (shards + 1,), in rows; their sizes differ by one at most."""
        count = max(1, -(-self.rows * self.row_bytes // SHARD_BYTES))
        shards = np.arange(count + 1)
        return shards * (self.rows // count) + np.minimum(shards, self.rows % count)

    def write(self, first: int, *columns: NDArray[Any]) -> None:
        """Deal the rows first, first + 1, ... to the shards in turn.

        `columns` are the inputs (samples, features) and the targets of the rows.
        """
        starts = self.starts
        count = len(starts) - 1
        for (path, kind, shape), values in zip(self.files, columns, strict=True):
            path.touch()
            with path.open("r+b") as file:
                for shard in range(count):
                    skipped = (shard - first) % count
                    row = int(starts[shard]) + (first + skipped) // count
                    file.seek(row * kind.itemsize * math.prod(shape))
                    file.write(np.ascontiguousarray(values[skipped::count], kind).data)

    def read(self, shard: int) -> Samples:
        """Return the inputs (samples, features) and targets of a shard."""
        first, end = (int(start) for start in self.starts[shard : shard + 2])
        return tuple(
            torch.from_numpy(values.reshape(end - first, *shape))
            for path, kind, shape in self.files
            for width in [math.prod(shape)]
            for values in [np.fromfile(path, kind, (end - first) * width, offset=first * width * kind.itemsize)]
        )


class ShardBatches(Batches):
    """Iterates over the rows of shards in batches; a thread reads the next shard while batches of this one are used.

    Their order follows from the seed and the epoch alone; without a seed it is that of the files.
    """

    def __init__(
        self, shards: Shards, prepare: Callable[..., Samples], batch_size: int, seed: int | None = None
    ) -> None:
        self.shards = shards
        self.prepare = prepare
        super().__init__((), batch_size, seed)

    def count_samples(self) -> int:
        return self.shards.rows

    def remaining(self) -> Iterator[Samples]:
        starts = self.cut.starts(self.taken)
        sizes = (end - start for start, end in pairwise(starts))
        for batch in batched(self.ahead(starts[0]), sizes):
            self.taken += 1
            yield self.complete(tuple(map(aligned, batch)))

    def ahead(self, done: int) -> Iterator[Samples]:
        """Yield the rows of this epoch but for the first `done`, shard by shard, each read while the last is used."""
        sizes = np.diff(self.shards.starts)
        order = np.arange(len(sizes)) if self.seed is None else self.generator().permutation(len(sizes))
        ends = np.cumsum(sizes[order])
        begins = ends - sizes[order]
        left = [(int(n), max(0, int(done - b))) for n, b, end in zip(order, begins, ends, strict=True) if end > done]
        with ThreadPoolExecutor(1, "reads-ahead") as thread:
            reading = None
            for shard, skip in left:
                following = thread.submit(self.load, shard, skip)
                if reading is not None:
                    yield reading.result()
                reading = following
            if reading is not None:
                yield reading.result()

    def load(self, shard: int, skip: int) -> Samples:
        """Return the rows of a shard in the order of this epoch, but for the first `skip`."""
        rows = self.shards.read(shard)
        if self.seed is not None:
            order = torch.from_numpy(self.generator(shard).permutation(len(rows[0])))[skip:]
            return self.prepare(*(tensor[order] for tensor in rows))
        return self.prepare(*(tensor[skip:] for tensor in rows))

    def generator(self, *shard: int) -> np.random.Generator:
        """Return what draws the order of the shards, or of the rows of one, in this epoch."""
        assert self.seed is not None
        return np.random.default_rng((self.seed, self.epoch, *shard))


def batched(pieces: Iterator[Samples], sizes: Iterable[int]) -> Iterator[Samples]:
    """Cut pieces into batches of these sizes, which may reach into the next piece."""
    piece: Samples | None = None
    for size in sizes:
        parts, missing = [], size
        while missing:
            if piece is None or not len(piece[0]):
                piece = next(pieces)
            parts.append(tuple(tensor[:missing] for tensor in piece))
            piece = tuple(tensor[missing:] for tensor in piece)
            missing -= len(parts[-1][0])
        yield parts[0] if len(parts) == 1 else tuple(map(torch.cat, zip(*parts, strict=True)))
