"""The run folder: what ran, how it ended and what came out, in `summary.json`, whatever happens."""

import json
import math
import shlex
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from filelock import FileLock, Timeout
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from loguru import logger
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from .checking import check
from .hints import describe
from .integrity import is_completed, is_unchanged, read_sealed, read_summary, seal
from .logs import log_to_file
from .mistakes import UserMistake, refuse
from .provenance import git_state, versions
from .resuming import Recorded, fingerprint, go_on, read_recorded
from .secrecy import mask
from .settings import Settings
from .signals import Pruned, StopRequest, listening
from .slurm import requeue
from .strangers import refuse_links

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from .tasks.task import Task

LOCK = ".lock"
SECONDS_TO_LEAVE = 10.0  # that a process which is being stopped has to leave a run folder
GROUPS = ("model", "data", "optimizer", "scheduler", "loss", "hardware", "tracking", "experiment")


class Run:
    """A run: its folder, and the summary that grows as it goes on."""

    def __init__(self, settings: Settings, recorded: Recorded, folder: Path, is_job: bool, stop: StopRequest) -> None:
        hydra = HydraConfig.get()
        self.settings = settings
        self.recorded = recorded
        self.folder = folder
        self.is_job = is_job
        self.is_first_rank = True  # on several devices, one process leaves what a run leaves; see ranks.py
        self.is_alone = not is_job or int(hydra.launcher.get("n_jobs", 1)) == 1
        self.group = settings.sweep if is_job else None
        self.name = folder.name if is_job else f"{folder.parent.name}/{folder.name}"
        self.stop = stop
        self.before = read_summary(folder)  # how it ended when it ran last
        self.trainer: Trainer | None = None
        self.closers: list[Callable[[dict[str, Any]], None]] = []
        self.summary: dict[str, Any] = {
            "status": "failed",
            "metrics": {},
            "overrides": [override for override in recorded.overrides if not override.startswith("sweep=")],
            "choices": {group: recorded.choices.get(group) for group in GROUPS},
            "seed": settings.seed,
            "steps": 0,
            "epochs": 0,
            "parameters": 0,
            "input_shape": [],
            "seconds": {},
            "checkpoint": {"best": None, "last": None, "tested": None},
            "settings": fingerprint(settings),
            "git": git_state(),
            "versions": versions(),
            "hardware": {},
            "error": None,
        }

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints."""
        return self.folder / "checkpoints"

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

    def begin(self, trainer: "Trainer", task: "Task", start: Path | None) -> None:
        """Note what is trained, on what, and the checkpoint that the run goes on from, if it does."""
        import torch

        if not self.is_first_rank:
            return
        self.trainer = trainer
        (self.folder / "summary.json").unlink(missing_ok=True)  # what it said is history now
        if self.recorded.changes:
            note(self.recorded, self.folder)
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
        where = f", going on from {start.name}" if start else ""
        logger.info("seed {}, in {}{}", self.settings.seed, shown(self.folder), where)

    def conclude(self, trainer: "Trainer", checkpoint: Path, metrics: dict[str, float]) -> None:
        """Note the results: `metrics` of the tested checkpoint's epoch, and those of the test that just ended."""
        if not self.is_first_rank:
            return
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
        summary = json.loads(mask(json.dumps(self.summary | {"metrics": finite}, allow_nan=False)))
        text = json.dumps(seal(summary, self.folder), indent=1, ensure_ascii=False)
        write_whole(self.folder / "summary.json", text + "\n")


def record(config: DictConfig, work: Callable[[Run], None]) -> dict[str, Any]:
    """Do `work` on the run that `config` describes; return its summary, as it stands in `summary.json`.

    The log goes to `train.log`. A job of a multirun ends here whatever its error, so that the others go on. A single
    run ends the program: with status 1 after an error, with status 2 and no folder left behind after a user's mistake,
    and with 128 more than the number of the signal that stopped it.
    """
    is_job = HydraConfig.get().mode == RunMode.MULTIRUN
    folder = Path(HydraConfig.get().runtime.output_dir)
    is_new = {path.name for path in folder.iterdir()} <= {".hydra"}
    try:
        with alone_in(folder), listening() as stop:
            if is_job and is_completed(folder):  # another process was faster
                return read_summary(folder)
            recorded = what_runs(config, folder)
            run = Run(check(recorded.config), recorded, folder, is_job, stop)
            if config.resume and is_completed(folder) and not recorded.changes:
                logger.info("{} is completed. Train it longer with trainer.max_epochs=...", shown(folder))
                return run.before
            with log_to_file(folder / "train.log"):
                carry_out(run, work)
            return run.summary
    except UserMistake as mistake:
        if is_job:
            logger.error("{}", mistake)
            return {}
        if is_new:
            discard(folder)
        refuse(str(mistake))


def carry_out(run: Run, work: Callable[[Run], None]) -> None:
    """Do `work`, and write the summary of the run when it ends, however it ends."""
    try:
        with run.timed("total"):
            work(run)
        run.summary["status"] = "completed"
    except UserMistake as mistake:
        run.summary["error"] = str(mistake)
        raise
    except Pruned as pruned:  # not completed, so that nothing takes it for a whole run; and it could go on
        run.summary.update(status="interrupted", pruned=True, error=str(pruned))
        logger.info("The run was {}, in {}", pruned, shown(run.folder))
    except Exception as error:
        run.summary["error"] = describe(error, run.settings, run.trainer)
        logger.opt(exception=error).debug("The run failed.")  # the traceback, into train.log only
        log = shown(run.folder / "train.log")
        logger.error("The run failed: {}\nThe traceback is in {}", run.summary["error"], log)
        if not run.is_job:
            raise SystemExit(1) from error
    except BaseException as stop:
        run.summary.update(status="interrupted", error=str(stop) or type(stop).__name__)
        if not run.is_job:
            logger.warning(
                "The run was {}. It goes on with: train resume={}", stop, shlex.quote(str(shown(run.folder)))
            )
        raise
    finally:
        if run.trainer is not None or run.is_job or not run.before:  # a run that could not go on is as it was
            try:
                run.write()
            except OSError as error:
                logger.error("{} could not be written: {}", shown(run.folder / "summary.json"), error.strerror)
        for close in run.closers:
            close(run.summary)
        if run.summary["status"] == "interrupted" and run.stop.number is not None:
            requeue(run.stop.number)


def what_runs(config: DictConfig, folder: Path) -> Recorded:
    """Return the configuration of the run in `folder`: the one that was composed, or, to go on, the one recorded there.

    Raises:
        UserMistake: the recorded one cannot be read.
    """
    hydra = HydraConfig.get()
    overrides = [str(override) for override in hydra.overrides.task]
    if not config.resume:
        return Recorded(config, overrides, dict(hydra.runtime.choices))
    before = read_recorded(folder)
    if not is_unchanged(folder / ".hydra" / "config.yaml", folder, read_summary(folder)):
        raise UserMistake(f"resume={folder}: .hydra/config.yaml is not the file that the run wrote")
    return go_on(before, config, overrides)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other processes out of a run folder; the system opens it again however this process ends.

    Raises:
        UserMistake: another process works there, or nothing can be written.
    """
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=SECONDS_TO_LEAVE)
    except Timeout:
        raise UserMistake(f"{shown(folder)} is being trained by another process") from None
    except NotImplementedError:
        logger.warning("This file system has no locks: nothing keeps two processes from training the same run.")
    except OSError as error:
        raise UserMistake(f"{shown(folder)} cannot be written: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Say whether a process works on the run in `folder`."""
    try:
        with FileLock(folder / LOCK, timeout=0):
            return False
    except Timeout:
        return True
    except (OSError, NotImplementedError):
        return False


def read_run(folder: Path) -> tuple[Settings, dict[str, Any]]:
    """Return the settings and the summary of the run in `folder`.

    Raises:
        UserMistake: it is no run folder, it cannot be read or was changed, or it ended before anything was tested.
    """
    config, summary = folder / ".hydra" / "config.yaml", folder / "summary.json"
    for path in (folder, config, summary):
        if not path.exists():
            latest = sorted(other.parent for other in Path("runs").glob("**/summary.json"))
            hint = f" The latest run here is {latest[-1]}" if latest else ""
            raise UserMistake(f"run={folder} is not a run that ended: {path} does not exist.{hint}")
    try:
        refuse_links(folder)
        recorded = read_sealed(summary)
        recorded["checkpoint"], recorded["metrics"], recorded["hardware"]
        if not is_unchanged(config, folder, recorded):
            raise ValueError(f"{config} is not the file that the run wrote")
        return check(cast(DictConfig, OmegaConf.load(config))), recorded
    except (ValueError, TypeError, KeyError, AttributeError, OSError, OmegaConfBaseException, YAMLError) as error:
        raise UserMistake(f"run={folder} cannot be read: {type(error).__name__} {error}") from None


def shown(path: Path) -> Path:
    """Return `path` as a user would type it: relative to where they are, if it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def note(recorded: Recorded, folder: Path) -> None:
    """Bring Hydra's notes in a run folder up to date; where the run went on is no part of them."""
    config = OmegaConf.merge(recorded.config, {"resume": None})
    write_whole(folder / ".hydra" / "config.yaml", OmegaConf.to_yaml(config))
    write_whole(folder / ".hydra" / "overrides.yaml", OmegaConf.to_yaml(OmegaConf.create(recorded.overrides)))


def write_whole(path: Path, text: str) -> None:
    """Write a file beside and rename it: a kill in the middle leaves the last good one."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def discard(folder: Path) -> None:
    """Remove the folder of a run that never started, and the folders around it that are empty now."""
    shutil.rmtree(folder, ignore_errors=True)
    for parent in list(folder.parents)[:2]:
        try:
            parent.rmdir()
        except OSError:
            return
