"""A table whose encoded rows are kept in files; of several processes that need them, one writes them.

The table is read three times: for the targets and the split, for the statistics of the training rows, and to encode it.
Chunks of rows are in memory, and of all rows the target, the split and their numbers: some 50 bytes for each row.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from loguru import logger
from numpy.typing import NDArray

from ...errors import UserError
from ..columns.encoding import TableEncoder
from ..columns.roles import may_count, row_numbers
from ..columns.target import has_value
from ..files.access import digest_of, existing, readable
from ..files.layout import exactly
from ..files.table_files import column_names, scan_table
from ..folds import strata
from ..lazy_polars import pl
from ..parts import PARTS
from ..scaling import mean_and_std
from .chunks import CHUNK, TRAIN, Chunks, write_encoded
from .shards import Shards
from .table import Table

LAYOUT = 8  # of the files; raise it with CHUNK, SHARD_BYTES or what is encoded, so that they are made anew
STATED = "table.json"  # what is known of the rows; written last


class WrittenTable(Table):
    """Rows in `<folder>/<name of the file>-<id>`; the id follows from file, seed, and what encodes and splits them."""

    folder: Path

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
        parts = self.parts_of(table, strata(encoded.values, encoded.task))
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
        stated = self.write_rows(folder, chunks, encoded.values, sizes)
        shutil.rmtree(scratch, ignore_errors=True)
        (folder / STATED).write_text(json.dumps(stated), encoding="utf-8")

    def write_rows(self, folder: Path, chunks: Chunks, targets: NDArray[Any], sizes: dict[str, int]) -> dict[str, Any]:
        """Write the encoded rows and class numbers (samples,) or values (samples, 1); return what is known of them."""
        trained = targets[chunks.part_of == TRAIN]
        classes = len(self.spec.class_names)
        centre = 0.0 if classes else float(trained.mean())
        shards = {part: self.shards_of(part, size, folder) for part, size in sizes.items()}
        self.require_space(shards.values())
        moments = self.moments(*write_encoded(chunks, self.encoder, targets, centre, shards), centre)
        counts = np.bincount(trained, minlength=classes).tolist() if classes else ()
        means = () if classes else (centre,)
        spec = replace(self.spec, train_size=sizes["train"], class_counts=tuple(counts), target_means=means)
        return {
            "digest": digest_of(self.path),
            "encoder": self.encoder.state(),
            "spec": spec.to_dict(),
            "rows": sizes,
            "moments": moments,
            "target_centre": centre,
        }

    def row_numbers(self, features: "pl.LazyFrame") -> dict[str, str]:
        """Return why columns that number the rows are left out; one of them is in memory at a time."""
        schema = features.collect_schema()
        whole = [name for name, kind in schema.items() if kind.is_integer()]
        first = features.select(exactly(whole)).head(CHUNK).collect()
        some = exactly(column.name for column in first if may_count(column))
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

    def moments(self, inputs: Any, targets: Any, centre: float) -> dict[str, list[float]]:
        """Return what to standardise by, as `Scaling` names it, of moments of the rows as they are written."""
        mean, std = mean_and_std(torch.from_numpy(inputs.mean_), torch.from_numpy(inputs.var_).sqrt())
        mean += torch.from_numpy(self.encoder.centres)
        self.keep_marks(mean, std)
        moments = {"input_mean": mean, "input_std": std}
        if not self.spec.class_names:
            mean, std = mean_and_std(torch.from_numpy(targets.mean_), torch.from_numpy(targets.var_).sqrt())
            moments |= {"target_mean": mean + centre, "target_std": std}
        return {name: values.tolist() for name, values in moments.items()}
