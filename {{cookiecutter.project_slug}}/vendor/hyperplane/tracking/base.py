"""What every tracker has in common: it passes on what is logged, and its failure never stops a run.

A tracker is a convenience: whatever goes wrong in it (no network, a full disk) is said once, since metrics.csv and
summary.json hold the results anyway.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from loguru import logger

from ..errors import first_line
from ..metrics.metric_names import MetricNames

SEND_SECONDS = 2.0  # how long metrics may wait for others before they are passed on


class Tracker(Logger):
    """Passes everything on to a Lightning logger until that fails for the first time.

    Metrics that are logged in quick succession go out together: W&B needs about 1 ms per call,
    which is 5 % of an epoch of 40 small steps, but 0.2 ms when the calls follow each other.

    Subclasses say what a kind of logger can do besides: show pictures, note the outcome, keep a checkpoint.
    """

    def __init__(self, inner: Logger, folder: Path, names: MetricNames | None = None) -> None:
        super().__init__()
        self.names = names or MetricNames()
        self.inner: Any = inner
        self.folder = folder
        self.keeps_best = False  # whether the best checkpoint goes to the tracker at the end
        self.failed = False
        self._unsent: dict[int | None, dict[str, float]] = {}  # by step
        self._step: int | None = None
        self._step_time = self._sent_time = time.monotonic()
        self._slow = False  # steps that log are so far apart that nothing is gained by waiting

    def attempt(self, action: Callable[[], Any], *, closing: bool = False) -> Any:
        """Return what `action` returns; its failure is a warning, and after it the tracker is only closed."""
        if self.failed and not closing:
            return None
        try:
            return action()
        except Exception as error:  # whatever a tracker raises, training goes on
            if not self.failed:
                logger.warning(
                    "The tracker failed and is left out from here on ({}: {}). Training goes on; "
                    "metrics.csv and summary.json are complete.",
                    type(error).__name__,
                    first_line(error),
                )
            self.failed = True
        return None

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Collect what is logged; pass it on by the first call that comes after two seconds."""
        now = time.monotonic()
        if step != self._step:
            self._slow = now - self._step_time > SEND_SECONDS
            self._step, self._step_time = step, now
        self._unsent.setdefault(step, {}).update(self.names.rename(metrics))
        if self._slow or now - self._sent_time > SEND_SECONDS:
            self._sent_time = now
            self.send()

    def send(self) -> None:
        """Pass on what was collected."""
        unsent, self._unsent = self._unsent, {}
        for step, metrics in unsent.items():
            self.attempt(partial(self.inner.log_metrics, metrics, step))
        self.attempt(self.inner.save)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        self.attempt(lambda: self.inner.log_hyperparams(*args, **kwargs))

    def log_graph(self, *args: Any, **kwargs: Any) -> None:
        self.attempt(lambda: self.inner.log_graph(*args, **kwargs))

    def after_save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        self.attempt(lambda: self.inner.after_save_checkpoint(*args, **kwargs))

    def finalize(self, status: str) -> None:
        """Pass on everything; Lightning calls this after fit, and again after test."""
        self.send()
        self.attempt(lambda: self.inner.finalize(status), closing=True)

    def show(self, figures: Mapping[str, Path]) -> None:
        """Show PNG files under `figures/<name>`."""

    def note(self, summary: Mapping[str, Any]) -> None:
        """Note the outcome of the run, the content of summary.json."""

    def keep(self, checkpoint: Path, metrics: Mapping[str, float]) -> None:
        """Keep a checkpoint as an artifact, with the metrics of its run."""

    def close(self, status: str) -> None:
        """End: the run is completed, failed or interrupted."""
        self.finalize("success" if status == "completed" else "failed")

    def __getattr__(self, name: str) -> Any:
        """Answer as the logger does that does the work: `self.logger.log_image(...)` in a task, as for W&B."""
        if name == "inner":  # not there yet
            raise AttributeError(name)
        return getattr(self.inner, name)

    @property
    def experiment(self) -> Any:
        """The tracker's own object: a wandb.Run, a TensorBoard SummaryWriter, an MlflowClient."""
        return getattr(self.inner, "experiment", None)

    @property
    def name(self) -> str | None:
        return self.attempt(lambda: self.inner.name)

    @property
    def version(self) -> int | str | None:
        return self.attempt(lambda: self.inner.version)

    @property
    def save_dir(self) -> str:
        return str(self.folder)
