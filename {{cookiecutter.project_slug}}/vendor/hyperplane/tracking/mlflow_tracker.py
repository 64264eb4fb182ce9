"""What MLflow shows of a run beside its metrics."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .base import Tracker
from .mlflow_run import LONGEST_TAG, keep_file, log_parameters

STATUSES = {"completed": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}


class MLflowTracker(Tracker):
    """A run of MLflow; `inner` is Lightning's MLFlowLogger."""

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Log what is not logged yet: MLflow refuses another value for a parameter."""
        self.attempt(lambda: log_parameters(self.experiment, self.inner.run_id, dict(params)))

    def finalize(self, status: str) -> None:
        """Pass on everything; only `close` knows how the run ended."""
        self.send()

    def show(self, figures: Mapping[str, Path]) -> None:
        """Keep PNG files as artifacts under figures/."""
        for path in figures.values():
            self.attempt(partial(self.copy, path, "figures"))

    def note(self, summary: Mapping[str, Any]) -> None:
        """Tag the run with what it has no other place for: its commit, its checkpoints, its error."""
        paths = {
            f"checkpoint.{kind}": str((self.folder / path).absolute())
            for kind, path in (summary.get("checkpoint") or {}).items()
            if path and kind != "tested"
        }
        commit = (summary.get("git") or {}).get("commit")
        for name, value in {**paths, "mlflow.source.git.commit": commit, "error": summary.get("error")}.items():
            if value:
                self.attempt(partial(self.tag, name, str(value)[:LONGEST_TAG]))

    def keep(self, checkpoint: Path, metrics: Mapping[str, float]) -> None:
        """Keep a checkpoint as an artifact under checkpoints/."""
        self.attempt(partial(self.copy, checkpoint, "checkpoints"))

    def close(self, status: str) -> None:
        """End the MLflow run with the status that it has for this."""
        self.send()
        self.attempt(lambda: self.inner.finalize(STATUSES[status]), closing=True)

    def copy(self, path: Path, place: str) -> None:
        keep_file(self.experiment, self.inner.run_id, path, place)

    def tag(self, name: str, text: str) -> None:
        self.experiment.set_tag(self.inner.run_id, name, text)
