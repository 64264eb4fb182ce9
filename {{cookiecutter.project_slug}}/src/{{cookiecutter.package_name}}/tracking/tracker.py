"""Experiment trackers: Weights & Biases, TensorBoard, a CSV folder, or none.

A tracker is a convenience: whatever goes wrong in it (no network, a full disk) is said once and
never stops a training run, since metrics.csv and summary.json hold the results anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger, WandbLogger
from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only
from loguru import logger

from ..mistakes import UserMistake
from .metric_names import MetricNames
from .wandb_run import finish_wandb, import_wandb, start_wandb

if TYPE_CHECKING:
    from ..settings import Tracking

SEND_SECONDS = 2.0  # how long metrics may wait for others before they are passed on


class Tracker(Logger):
    """Passes everything on to a Lightning logger until that fails for the first time.

    Metrics that are logged in quick succession go out together: W&B needs about 1 ms per call,
    which is 5 % of an epoch of 40 small steps, but 0.2 ms when the calls follow each other.

    Args:
        inner: The logger that does the work.
        folder: The run folder.
        names: under which metrics are kept.
    """

    def __init__(self, inner: Logger, folder: Path, names: MetricNames | None = None) -> None:
        super().__init__()
        self.names = names or MetricNames()
        self.inner = inner
        self.folder = folder
        self.failed = False
        self._unsent: dict[int | None, dict[str, float]] = {}  # by step
        self._step: int | None = None
        self._step_time = self._sent_time = time.monotonic()
        self._slow = False  # steps that log are so far apart that nothing is gained by waiting

    def attempt(self, action: Callable[[], object], *, closing: bool = False) -> None:
        """Run `action`; its failure is a warning, and after it the tracker is only closed."""
        if self.failed and not closing:
            return
        try:
            action()
        except Exception as error:  # whatever a tracker raises, training goes on
            if not self.failed:
                logger.warning(
                    "The tracker failed and is left out from here on ({}: {}). Training goes on; "
                    "metrics.csv and summary.json are complete.",
                    type(error).__name__,
                    error,
                )
            self.failed = True

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Collect what is logged; pass it on by the first call that comes after two seconds."""
        now = time.monotonic()
        if step != self._step:
            self._slow = now - self._step_time > SEND_SECONDS
            self._step, self._step_time = step, now
        self._unsent.setdefault(step, {}).update(self.names.rename(metrics))
        if self._slow or now - self._sent_time > SEND_SECONDS:
            self._sent_time = now
            self._send()

    def _send(self) -> None:
        unsent, self._unsent = self._unsent, {}
        for step, metrics in unsent.items():
            self.attempt(partial(self.inner.log_metrics, metrics, step))
        self.attempt(self.inner.save)

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        self.attempt(lambda: self.inner.log_hyperparams(*args, **kwargs))

    def finalize(self, status: str) -> None:
        self._send()
        self.attempt(lambda: self.inner.finalize(status), closing=True)

    @property
    def experiment(self) -> Any:
        """The tracker's own object: a wandb.Run, a TensorBoard SummaryWriter."""
        return getattr(self.inner, "experiment", None)

    @property
    def name(self) -> str | None:
        return self.inner.name

    @property
    def version(self) -> int | str | None:
        return self.inner.version

    @property
    def save_dir(self) -> str:
        return str(self.folder)


def import_tracker(settings: Tracking) -> None:
    """Import what takes long, together with what else a run imports; see `quick_imports`."""
    if settings.kind == "wandb" and settings.mode != "disabled":
        import_wandb()


def make_tracker(
    settings: Tracking,
    folder: Path,
    *,
    name: str,
    group: str | None,
    config: dict[str, Any],
    resumed: bool = False,
) -> Tracker | None:
    """Start the tracker that `settings.kind` names, or None where there is nothing to track.

    Args:
        settings: The configuration group `tracking`.
        folder: The run folder; the tracker's files go into a folder of their own below it.
        name: The run's name in the tracker.
        group: The sweep that the run belongs to, None for a single run.
        config: The run's whole configuration, plain values only.
        resumed: Go on with the W&B run that the run folder already has.

    Raises:
        UserMistake: TensorBoard is not installed, or W&B must be online and nobody is logged in.
    """
    if settings.kind == "none" or getattr(rank_zero_only, "rank", 0) != 0:
        return None
    if settings.kind == "wandb":
        run = start_wandb(settings, folder, name=name, group=group, config=config, resumed=resumed)
        if run is None:
            return None
        inner = WandbLogger(project=settings.project or None, save_dir=folder, experiment=run)
        return Tracker(inner, folder)
    if settings.kind == "csv":
        tracker = Tracker(CSVLogger(folder, name="csv", version=""), folder)
    else:
        tracker = Tracker(_tensorboard(folder), folder)
    tracker.log_hyperparams(config)
    return tracker


def _tensorboard(folder: Path) -> Logger:
    try:
        return TensorBoardLogger(folder, name="tensorboard", version="", default_hp_metric=False)
    except ModuleNotFoundError as error:
        raise UserMistake(
            "tracking=tensorboard: the package tensorboard is not installed.\n"
            "Install it with `pip install tensorboard`, or choose tracking=wandb, csv or none."
        ) from error


def log_figures(tracker: Logger | None, figures: dict[str, Path]) -> None:
    """Show PNG files in Weights & Biases or TensorBoard under `figures/<name>`."""
    if not isinstance(tracker, Tracker):
        return
    inner = tracker.inner
    if isinstance(inner, WandbLogger):
        import wandb

        tracker.attempt(
            lambda: inner.experiment.log({f"figures/{name}": wandb.Image(str(path)) for name, path in figures.items()})
        )
    elif isinstance(inner, TensorBoardLogger):
        from matplotlib.image import imread

        for name, path in figures.items():
            image = imread(path)[..., :3]  # (height, width, 3), floats in [0, 1]
            add_image = inner.experiment.add_image
            tracker.attempt(partial(add_image, f"figures/{name}", image, dataformats="HWC"))


def log_outcome(tracker: Logger | None, summary: dict[str, Any]) -> None:
    """Put the outcome into the summary of the W&B run: final metrics, where the checkpoints are.

    Args:
        tracker: What `make_tracker` returned.
        summary: The content of summary.json; its checkpoint paths are relative to the run folder.
    """
    if not isinstance(tracker, Tracker) or not isinstance(tracker.inner, WandbLogger):
        return
    run = tracker.inner.experiment
    outcome = {k: v for k, v in summary.items() if k not in ("metrics", "checkpoint", "overrides")}
    outcome["checkpoint"] = {
        kind: str((tracker.folder / path).absolute())
        for kind, path in (summary.get("checkpoint") or {}).items()
        if path
    }
    tracker.attempt(lambda: run.summary.update({**outcome, **summary.get("metrics", {})}))


def finish(tracker: Logger | None, status: str) -> None:
    """Close the tracker, so that the next job of the process starts its own.

    Args:
        tracker: What `make_tracker` returned.
        status: The run's status; anything but "completed" marks the W&B run as failed.
    """
    if not isinstance(tracker, Tracker):
        return
    completed = status == "completed"
    tracker.finalize("success" if completed else "failed")
    if isinstance(tracker.inner, WandbLogger):
        run, folder = tracker.inner.experiment, tracker.folder
        tracker.attempt(lambda: finish_wandb(run, 0 if completed else 1, folder), closing=True)
        if tracker.failed:
            import wandb

            with suppress(Exception):  # its process may be gone; without this it would complain when Python ends
                wandb.teardown()


def conclude(tracker: Logger | None, summary: dict[str, Any]) -> None:
    """Log the outcome of a run and close its tracker.

    Args:
        tracker: What `make_tracker` returned.
        summary: The content of summary.json.
    """
    log_outcome(tracker, summary)
    finish(tracker, summary["status"])
