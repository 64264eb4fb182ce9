"""The run folder: what ran, how it ended and what came out, in `summary.json`, whatever happens."""

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger
from omegaconf import OmegaConf

from ..digest import engine
from ..metrics.metric_names import naive_name, written
from ..paths import shown
from ..processes.cores import jobs_beside
from ..processes.signals import StopRequest
from ..secrets import mask
from ..settings import Settings
from ..turns import current
from ..whole_file import write_whole
from .integrity import GUARDED, is_unchanged, read_summary, seal
from .provenance import code, data_files, git_state, versions
from .resuming import Recorded, fingerprint

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer

    from ..data.spec import DataSpec

GROUPS = ("model", "task", "data", "optimizer", "scheduler", "loss", "hardware", "tracking", "experiment")


class RunRecord:
    """What is known of a run, and its summary, which grows as it goes on."""

    def __init__(self, settings: Settings, recorded: Recorded, folder: Path, stop: StopRequest, is_job: bool) -> None:
        self.settings = settings
        self.recorded = recorded
        self.folder = folder
        self.root = folder  # that of the run, where this is a stage of one
        self.is_job = is_job
        self.is_trial = False  # of a search with a pruner
        self.is_stage = False  # of another run
        self.is_first_rank = True  # on several devices, one process leaves what a run leaves; see ranks.py
        self.is_alone = not is_job or (jobs_beside() == 1 and current() is None)
        self.group = settings.sweep if is_job else None
        self.name = folder.name if is_job else f"{folder.parent.name}/{folder.name}"
        self.stop = stop
        self.before = read_summary(folder)  # how it ended when it ran last
        self.trainer: Trainer | None = None
        self.kept: dict[Path, bytes] = {}  # the files of a completed run, while what goes on has saved nothing yet
        self.closers: list[Callable[[dict[str, Any]], None]] = []
        self.unfinished: list[Callable[[], None]] = []  # each waits for what goes on beside, before a run is completed
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
            "data_files": data_files(settings),
            "git": git_state(),
            "versions": versions(),
            "code": code(),
            "engine": engine(),
            "hardware": {},
            "warnings": [],
            "error": None,
        }

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    def at_end(self, close: Callable[[dict[str, Any]], None]) -> None:
        """Call `close` with the summary of the run when it has ended, however it ends."""
        self.closers.append(close)

    def wait_for_others(self) -> None:
        """Wait until what goes on beside the run has ended, such as files on their way to the disk."""
        for wait in self.unfinished:
            wait()

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Note under `seconds` how long `part` took, in all."""
        start = time.perf_counter()
        try:
            yield
        finally:
            before = self.summary["seconds"].get(part, 0.0)
            self.summary["seconds"][part] = round(before + time.perf_counter() - start, 3)

    def begin(
        self,
        trainer: "Trainer",
        task: "LightningModule",
        spec: "DataSpec",
        start: Path | None,
        uses_model: bool = True,
    ) -> None:
        """Note what is trained, on what, and the checkpoint that the run goes on from, if it does."""
        import torch

        if not self.is_first_rank:
            return
        parameters = sum(p.numel() for p in task.parameters() if p.requires_grad)
        where = f", continuing from {start.name}" if start else ""
        if self.before.get("status") == "completed" and not self.kept:
            paths = [self.root / name for name in ("summary.json", *GUARDED)]
            self.kept.update({path: path.read_bytes() for path in paths if path.is_file()})
        (self.root / "summary.json").unlink(missing_ok=True)  # what it said is history now
        if self.recorded.changes:
            note(self.recorded, self.root)
        if self.is_stage:
            logger.info("Stage {} ({} parameters){}", self.folder.name, parameters, where)
            return
        self.trainer = trainer
        self.summary["parameters"] = parameters
        self.summary["input_shape"] = list(spec.input_shape)
        self.summary["hardware"] = {
            "accelerator": trainer.accelerator.name(),
            "devices": trainer.num_devices,
            "precision": trainer.precision,
            "matmul_precision": torch.get_float32_matmul_precision(),
            "compile": self.settings.hardware.compile,
            "threads": torch.get_num_threads(),
            "members": 1 if (turn := current()) is None else turn.beside,  # of the stack that it is trained in
        }
        model, task_name, data = (self.summary["choices"][group] for group in ("model", "task", "data"))
        what = model if task_name == "auto" else f"{task_name} with {model}" if uses_model else task_name
        logger.info("Training {} ({} parameters) on {}", what, parameters, data)
        logger.info("seed {}, in {}{}", self.settings.seed, shown(self.folder), where)

    def conclude(
        self,
        checkpoint: Path,
        metrics: dict[str, float],
        tested: dict[str, float],
        directions: dict[str, bool],
        warnings: list[str],
    ) -> None:
        """Note the results.

        `metrics` are those of the epoch that the checkpoint comes from. `directions` say whether higher is better, by a
        metric's name without its stage.
        """
        if not self.is_first_rank:
            return
        self.summary["metrics"] = metrics | tested
        self.summary["higher_is_better"] = directions
        self.summary["checkpoint"]["tested"] = checkpoint.stem
        self.summary["warnings"] = warnings
        results = in_a_line(tested or metrics)
        logger.success("{} with the {} weights, in {}", results, checkpoint.stem, shown(self.folder))
        for warning in warnings:
            logger.warning("{}", warning)

    def put_back(self) -> bool:
        """Leave a completed run as it was, unless it has saved anything since it went on; say whether it is so."""
        saved = [self.folder / name for name in self.before.get("files", {}) if name.endswith(".ckpt")]
        if not self.kept or not all(is_unchanged(path, self.folder, self.before) for path in saved):
            return False
        for path, content in self.kept.items():
            write_whole(path, content)
        return True

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
        write_whole(self.folder / "summary.json", seal(summary, self.folder))


def in_a_line(tested: dict[str, float]) -> str:
    """Return metrics in one line, each beside that of a naive model: test/accuracy 0.9429 (naive 0.4000)."""
    floors = {name: naive_name(name) for name in tested if naive_name(name) in tested}
    texts = [
        f"{name} {written(value)}" + (f" (naive {written(tested[floors[name]])})" if name in floors else "")
        for name, value in tested.items()
        if name not in floors.values()
    ]
    return "  ".join(texts)


def note(recorded: Recorded, folder: Path) -> None:
    """Bring Hydra's notes in a run folder up to date; where the run went on is no part of them."""
    config = OmegaConf.merge(recorded.config, {"resume": None})
    write_whole(folder / ".hydra" / "config.yaml", OmegaConf.to_yaml(config))
    write_whole(folder / ".hydra" / "overrides.yaml", OmegaConf.to_yaml(OmegaConf.create(recorded.overrides)))
