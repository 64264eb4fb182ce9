"""The run's metrics as a table in `metrics.csv`: one row per step at which something was logged."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from lightning.pytorch.loggers.logger import DummyLogger, Logger
from lightning.pytorch.utilities import rank_zero_only

from ..metrics.metric_names import MetricNames
from ..whole_file import whole_file

_INTEGERS = ("epoch", "step")  # the leading columns; all others are metrics


class MetricsFile(Logger):
    """Logger that writes `<folder>/metrics.csv` with columns epoch, step and one per metric.

    What is logged at the same step shares a row, so that train and val of an epoch stand side by
    side. A row is written once the next one begins, or by `finalize`: no file is touched within an
    epoch. Metrics appear in order of their first appearance; a metric that was not logged at a
    step leaves its cell empty. In distributed training only rank zero writes. The first row
    replaces what an earlier try has left.
    """

    def __init__(self, folder: Path, names: MetricNames | None = None) -> None:
        super().__init__()
        self._names = names or MetricNames()
        self._path = folder / "metrics.csv"
        self._columns = list(_INTEGERS)
        self._rows: list[dict[str, float]] = []
        self._pending = False  # the last row is not in the file yet
        self._stale = False  # the file holds a row that changed since, or lacks a column
        self._file: TextIO | None = None

    @rank_zero_only
    def restore(self, rows: Iterable[Mapping[str, float]]) -> None:
        """Go on after `rows`: those that a checkpoint was written with."""
        self._rows = [dict(row) for row in rows]
        self._pending = False
        for row in self._rows:
            self._add_columns(row)
        self._rewrite()

    @property
    def rows(self) -> list[dict[str, float]]:
        """All rows so far, the one being filled included; a row lacks what was not logged."""
        return self._rows

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add metrics to the row of `step`; without a step, to the row that is being filled."""
        last = self._rows[-1] if self._rows else None
        if last is None or (step is not None and last["step"] != step):
            self._write_last_row()
            last = {"epoch": 0.0, "step": float(step or 0)}
            self._rows.append(last)
        elif not self._pending:
            self._stale = True
        last.update((self._names(name), float(value)) for name, value in metrics.items())
        self._pending = True

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Write the last row and close the file; logging may go on (test follows fit)."""
        self._write_last_row()
        self._close()

    def _write_last_row(self) -> None:
        if not self._pending:
            return
        self._pending = False
        if self._add_columns(self._rows[-1]) or self._stale:
            self._rewrite()
            return
        if self._file is None:
            self._file = self._path.open("a", newline="")
        csv.writer(self._file).writerow(self._cells(self._rows[-1]))
        self._file.flush()  # so that a run that is killed leaves its rows

    def _add_columns(self, row: dict[str, float]) -> bool:
        new = [name for name in row if name not in self._columns]
        self._columns += new
        return bool(new)

    def _rewrite(self) -> None:
        self._close()
        with whole_file(self._path) as partial, partial.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self._columns)
            writer.writerows(self._cells(row) for row in self._rows)
        self._stale = False

    def _cells(self, row: dict[str, float]) -> list[Any]:
        integers = [int(row[name]) for name in _INTEGERS]
        return integers + [row.get(name, "") for name in self._columns[len(_INTEGERS) :]]

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    @property
    def experiment(self) -> Any:
        """What a task shows where there is no tracker, `self.logger.experiment.add_figure(...)`: it is dropped."""
        return DummyLogger().experiment

    def __getattr__(self, name: str) -> Any:
        """Drop what trackers are told by methods of their own, `self.logger.log_image(...)`."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(DummyLogger(), name)

    # What Lightning's interface also asks for.
    @property
    def name(self) -> str:
        return ""

    @property
    def version(self) -> str:
        return ""

    @property
    def save_dir(self) -> str:
        return str(self._path.parent)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """Nothing to do: Hydra keeps the configuration in the run folder."""
