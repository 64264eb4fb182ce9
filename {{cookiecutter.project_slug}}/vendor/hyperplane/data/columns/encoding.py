"""Rows of a table as numbers, with statistics of the training rows only.

    numbers, booleans     the value, and whether it is missing, see `features.py`; times of the day are days
    dates                 year, month, weekday, hour, and the days since the first one, see `dates.py`
    text, categories      a mark for each category; many are hashed, see `features.py`
    free text             how often each word occurs, see `words.py`; only where data.text asks for it

Left out: a column with one value, text that names the row (more than half of the values are different), and whole
numbers that number the rows (all different, under a name such as id, see `roles.py`). What settings state of a column
goes before all of that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from loguru import logger
from numpy.typing import NDArray

from ..files.readings import Reading
from ..lazy_polars import pl
from .features import Column
from .features import Remarks as Remarks  # where large_table.py looks for it
from .names import require_in_rows
from .stated import Stated
from .statistics import ColumnStatistics
from .values import listed

MOST_LINES, MOST_NAMES = 40, 20  # of the table that says what columns are taken for, and of each line


@dataclass
class TableEncoder:
    """Encodes rows in the way that `fit` took from the training rows."""

    columns: list[Column]
    left_out: dict[str, str] = field(default_factory=dict)  # why each other column is left out, by its name
    reasons: dict[str, str] = field(default_factory=dict)  # why each column is taken for what it is, by its name

    @classmethod
    def fit(
        cls,
        chunks: Iterable["pl.DataFrame"],
        readings: Mapping[str, Reading] | None = None,
        left_out: Mapping[str, str] | None = None,
        stated: Stated | None = None,
    ) -> Self:
        """Decide for each column of the training rows how it is encoded, and say which are left out.

        New rows are read as `readings` say. `left_out` says why columns are left out that may well be in the table.
        """
        seen: dict[str, ColumnStatistics] = {}
        for chunk in chunks:
            for series in chunk:
                seen.setdefault(series.name, ColumnStatistics(series.name, stated or Stated())).add(series)
        reasons = {name: statistics.why_useless() for name, statistics in seen.items()} | dict(left_out or {})
        left_out = {name: reason for name, reason in reasons.items() if reason}
        kept = {name: statistics for name, statistics in seen.items() if name not in left_out}
        for name in left_out:
            hidden = seen[name].looks_like() if name in seen and name else ""
            if hidden:
                example = seen[name].examples[0]
                logger.warning("{} is left out, though its texts, such as {!r}, {}", name, example, hidden)
        encoder = cls(
            [one.column((readings or {}).get(name)) for name, one in kept.items()],
            left_out,
            {name: one.reason() for name, one in kept.items()},
        )
        if encoder.columns:
            logger.info("Columns are read as:\n{}", encoder.taken_for())
        return encoder

    def taken_for(self) -> str:
        """Say what each column is taken for and why, in a table; columns of the same answer share a line."""
        answers: dict[tuple[str, str], list[str]] = {}
        for column in self.columns:
            answers.setdefault((column.taken_for, self.reasons[column.name]), []).append(column.name)
        for name, reason in self.left_out.items():
            answers.setdefault(("left out", reason), []).append(name or "(no name)")
        width = max(len(kind) for kind, _ in answers)
        lines = []
        for (kind, reason), names in answers.items():
            many = f" ({len(names)} columns)" if len(names) > MOST_NAMES else ""
            lines.append(f"  {kind:{width}}  {listed(names, MOST_NAMES)}{many}: {reason}")
        more = [f"  and {len(lines) - MOST_LINES} lines more"] if len(lines) > MOST_LINES else []
        return "\n".join([*lines[:MOST_LINES], *more])

    def why_left_out(self) -> str:
        """Say which columns are left out and why, in a line."""
        reasons = [f"{name or '(no name)'} ({reason})" for name, reason in self.left_out.items()]
        return f"Left out: {listed(reasons)}"

    def state(self) -> list[dict[str, Any]]:
        """Return plain values that `from_state` makes the encoder of again."""
        return [column.state() for column in self.columns]

    @classmethod
    def from_state(cls, state: Sequence[dict[str, Any]]) -> Self:
        return cls([Column.from_state(column) for column in state])

    @property
    def readings(self) -> dict[str, Reading]:
        """How each column is read from a CSV file."""
        return {column.name: column.reading for column in self.columns}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for column in self.columns for name in column.outputs)

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Which encoded columns are measurements, and not marks of 0 and 1 or counts."""
        return np.array([centre is not None for column in self.columns for centre in column.centres], dtype=bool)

    @property
    def centres(self) -> NDArray[np.float64]:
        """The training mean of each encoded column that is a measurement, 0 for all others (features,)."""
        return np.array([centre or 0.0 for column in self.columns for centre in column.centres])

    def encode(
        self, table: "pl.DataFrame", rows: str, remarks: Remarks | None = None, out: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Return rows (samples, features); say once what was unknown or missing.

        The table has at least the columns of the training rows, in any order; `rows` says what its rows are: `the test
        rows`. `remarks` take up what was unknown or missing, to be said later; `out` is filled in the place of a new
        array, as that may be half of the memory.

        Raises:
            UserError: a column is not there, or holds text where numbers were.
        """
        require_in_rows((column.name for column in self.columns), table, rows)
        encoded = np.empty((table.height, len(self.names))) if out is None else out
        heard = Remarks() if remarks is None else remarks
        first = 0
        for column in self.columns:
            last = first + len(column.outputs)
            encoded[:, first:last] = column.encode(table[column.name], rows, heard)
            first = last
        if remarks is None:
            heard.say(rows)
        return encoded
