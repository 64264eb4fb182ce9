"""The run folder: what ran, how it ended and what came out, in `summary.json`, whatever happens."""

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from loguru import logger
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from .checking import check
from .logs import log_to_file
from .mistakes import UserMistake, refuse
from .provenance import git_state, versions
from .settings import Settings

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from .tasks.task import Task

GROUPS = ("model", "data", "optimizer", "scheduler", "loss", "hardware", "tracking", "experiment")


class Run:
    """A run: its folder, and the summary that grows as it goes on."""

    def __init__(self, settings: Settings, folder: Path, is_job: bool) -> None:
        hydra = HydraConfig.get()
        self.settings = settings
        self.folder = folder
        self.is_job = is_job
        self.is_alone = not is_job or hydra.runtime.choices.get("hydra/launcher") == "basic"
        self.group = settings.sweep if is_job else None
        self.name = folder.name if is_job else f"{folder.parent.name}/{folder.name}"
        self.trainer: Trainer | None = None
        self.closers: list[Callable[[dict[str, Any]], None]] = []
        self.summary: dict[str, Any] = {
            "status": "failed",
            "metrics": {},
            "overrides": [str(override) for override in hydra.overrides.task if not override.startswith("sweep=")],
            "choices": {group: hydra.runtime.choices.get(group) for group in GROUPS},
            "seed": settings.seed,
            "steps": 0,
            "epochs": 0,
            "parameters": 0,
            "input_shape": [],
            "seconds": {},
            "checkpoint": {"best": None, "last": None, "tested": None},
            "git": git_state(),
            "versions": versions(),
            "hardware": {},
            "error": None,
        }

    def at_end(self, close: Callable[[dict[str, Any]], None]) -> None:
        """Call `close` with the summary of the run when it has ended, however it ends."""
        self.closers.append(close)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Note under `seconds` how long `part` took."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.summary["seconds"][part] = round(time.perf_counter() - start, 3)

    def begin(self, trainer: "Trainer", task: "Task") -> None:
        """Note what is trained, and on what."""
        import torch

        self.trainer = trainer
        self.summary["parameters"] = sum(p.numel() for p in task.network.parameters() if p.requires_grad)
        self.summary["input_shape"] = list(task.spec.input_shape)
        self.summary["hardware"] = {
            "accelerator": trainer.accelerator.name(),
            "devices": trainer.num_devices,
            "precision": trainer.precision,
            "threads": torch.get_num_threads(),
        }
        model, data = (self.summary["choices"][group] for group in ("model", "data"))
        logger.info("Training {} ({} parameters) on {}", model, self.summary["parameters"], data)
        logger.info("seed {}, in {}", self.settings.seed, shown(self.folder))

    def conclude(self, trainer: "Trainer", checkpoint: Path, metrics: dict[str, float]) -> None:
        """Note the results: `metrics` of the tested checkpoint's epoch, and those of the test that just ended."""
        tested = {name: float(value) for name, value in trainer.callback_metrics.items()}
        self.summary["metrics"] = metrics | tested
        self.summary["checkpoint"]["tested"] = checkpoint.stem
        scores = "  ".join(f"{name} {value:.4f}" for name, value in tested.items())
        logger.success("{} with the {} weights, in {}", scores, checkpoint.stem, shown(self.folder))

    def write(self) -> None:
        """Write the summary beside and rename it: a kill in the middle leaves the last good one.

        JSON has no NaN and no infinity: a metric that is not finite is null.
        """
        if self.trainer is not None:
            self.summary.update(steps=self.trainer.global_step, epochs=self.trainer.current_epoch)
        for name in ("best", "last"):
            path = f"checkpoints/{name}.ckpt"
            self.summary["checkpoint"][name] = path if (self.folder / path).exists() else None
        metrics = self.summary["metrics"]
        finite = {name: value if math.isfinite(value) else None for name, value in metrics.items()}
        text = json.dumps(self.summary | {"metrics": finite}, indent=1, ensure_ascii=False, allow_nan=False)
        partial = self.folder / "summary.json.partial"
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(self.folder / "summary.json")


@contextmanager
def recorded(config: DictConfig) -> Iterator[Run]:
    """Record what happens inside: the log in `train.log`, and how it ended in `summary.json`.

    A job of a multirun ends here whatever its error, so that the others go on. A single run ends the program: with
    status 1 after an error, and with status 2 and no folder left behind after a user's mistake.
    """
    is_job = HydraConfig.get().mode == RunMode.MULTIRUN
    folder = Path(HydraConfig.get().runtime.output_dir)
    try:
        run = Run(check(config), folder, is_job)
        with log_to_file(folder / "train.log"):
            yield from record(run)
    except UserMistake as mistake:
        if is_job:
            logger.error("{}", mistake)
            return
        discard(folder)
        refuse(str(mistake))


def record(run: Run) -> Iterator[Run]:
    """Yield `run` and write its summary when it ends, however it ends."""
    try:
        with run.timed("total"):
            yield run
        run.summary["status"] = "completed"
    except UserMistake as mistake:
        run.summary["error"] = str(mistake)
        raise
    except Exception as error:
        run.summary["error"] = f"{type(error).__name__}: {error}"
        logger.opt(exception=error).debug("The run failed.")  # the traceback, into train.log only
        log = shown(run.folder / "train.log")
        logger.error("The run failed: {}\nThe traceback is in {}", run.summary["error"], log)
        if not run.is_job:
            raise SystemExit(1) from error
    except BaseException as stop:  # Ctrl-C; Lightning makes a SystemExit of it
        run.summary.update(status="interrupted", error="stopped by the user")
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise
    finally:
        run.write()
        for close in run.closers:
            close(run.summary)


def read_run(folder: Path) -> tuple[Settings, dict[str, Any]]:
    """Return the settings and the summary of the run in `folder`.

    Raises:
        UserMistake: it is no run folder, it cannot be read, or it ended before anything was tested.
    """
    config, summary = folder / ".hydra" / "config.yaml", folder / "summary.json"
    for path in (folder, config, summary):
        if not path.exists():
            latest = sorted(other.parent for other in Path("runs").glob("**/summary.json"))
            hint = f" The latest run here is {latest[-1]}" if latest else ""
            raise UserMistake(f"run={folder} is not a run that ended: {path} does not exist.{hint}")
    try:
        recorded = json.loads(summary.read_text(encoding="utf-8"))
        recorded["checkpoint"], recorded["metrics"], recorded["hardware"]
        return check(cast(DictConfig, OmegaConf.load(config))), recorded
    except (ValueError, TypeError, KeyError, AttributeError, OSError, OmegaConfBaseException, YAMLError) as error:
        raise UserMistake(f"run={folder} cannot be read: {type(error).__name__} {error}") from None


def shown(path: Path) -> Path:
    """Return `path` as a user would type it: relative to where they are, if it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def discard(folder: Path) -> None:
    """Remove the folder of a run that never started, and the folders around it that are empty now."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in list(folder.parents)[:2]:
        try:
            parent.rmdir()
        except OSError:
            return
