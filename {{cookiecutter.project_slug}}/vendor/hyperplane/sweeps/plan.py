"""What a multirun would do, before it does anything: `train -m ... --plan`. Writes nothing."""

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from omegaconf import DictConfig

from ..paths import shown
from ..processes.cores import processes
from ..run_folder.integrity import read_summary
from ..settings import Settings
from .sweep import JobLoader, check_jobs, job_id

RUNS = Path("runs")
ALIKE = ("model", "data", "task")  # choices that runs share whose seconds are compared
STATES = ("completed", "interrupted", "failed", "new")
LESS = "Runs like {} were completed here one by one only: as members of a stack they take less time."
MORE = "Runs like {} were completed here as members of a stack only: one by one they take more time."
SHOWN = 5  # jobs that are listed
SEPARATE = ("wandb", "mlruns")  # folders of trackers, which are not counted as a run's own


class Cost(NamedTuple):
    """What a run took: seconds before its first epoch and after its last, of an epoch, and bytes on disk.

    Seconds of a member of a stack are its share of what all took together.
    """

    beside: float
    epoch: float
    epochs: int
    size: int
    is_member: bool
    on_gpu: bool


def plan(jobs: list[list[str]], config: DictConfig, loader: JobLoader) -> str:
    """Say which jobs would run, how long they take and how much they leave, by what ran before.

    Raises:
        UserError: there is no job, or settings are not valid.
    """
    settings = check_jobs(jobs, config, loader)
    folder = Path(str(config.hydra.sweep.dir))
    states = [state_of(folder / job_id(job)) for job in jobs]
    counts = Counter(states)
    told = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    lines = [f"{counted(len(jobs))} in {shown(folder)}: {told}."]
    waiting = [(job, one) for job, one, state in zip(jobs, settings, states, strict=True) if state != "completed"]
    if not waiting:
        return f"{lines[0]} Nothing would run.\n"
    lines += [f"  train {shlex.join(job)}" for job, _ in waiting[:SHOWN]]
    lines += [f"  ... and {len(waiting) - SHOWN} more"] if len(waiting) > SHOWN else []
    return "\n".join([*lines, *expected(waiting, config)]) + "\n"


def state_of(folder: Path) -> str:
    """Say how a job stands: completed, failed, interrupted with a checkpoint to go on from, or new."""
    status = read_summary(folder).get("status")
    if status in ("completed", "failed"):
        return str(status)
    return "interrupted" if (folder / "checkpoints" / "last.ckpt").is_file() else "new"


def expected(waiting: Sequence[tuple[list[str], Settings]], config: DictConfig) -> list[str]:
    """Return lines on the time, the disk and the hours of a GPU that jobs would take."""
    before = costs()
    chosen = config.hydra.runtime.choices
    is_stacked = chosen.get("hydra/launcher") == "stacked"
    found = [
        (one, before.get(kind_of({group: chosen.get(group) for group in ALIKE} | dict(typed(job)))))
        for job, one in waiting
    ]
    known = [(one, alike) for one, alike in found if alike]
    if not known:
        return ["No run of these models on these data was completed here, so nothing is known of their time."]
    share = len(waiting) / len(known)  # the others are taken for like these
    comparable = [[cost for cost in alike if cost.is_member == is_stacked] for _, alike in known]
    seconds = [estimate(one, same or alike) for (one, alike), same in zip(known, comparable, strict=True)]
    n_jobs = config.hydra.launcher.get("n_jobs")
    beside = 1 if n_jobs is None else min(len(waiting), processes(n_jobs))
    how = "of computing" if n_jobs is None else f"with {beside} at a time"  # a cluster runs as many as it has room for
    how = f"in stacks, {how}" if is_stacked else how
    size = sum(median(cost.size for cost in alike) for _, alike in known) * share / 1e6
    time = in_words(sum(seconds) * share / beside)
    lines = [f"About {time} {how}, and {size:.1f} MB on disk, by the runs of this project."]
    if others := comparable.count([]):
        lines.append(LESS.format(counted(others)) if is_stacked else MORE.format(counted(others)))
    if len(known) < len(waiting):
        lines.append(
            f"No run like {counted(len(waiting) - len(known))} of these was completed here: counted like the others."
        )
    gpu = sum(time * gpus(*run) for time, run in zip(seconds, known, strict=True)) * share / 3600
    return [*lines, f"GPU hours: {gpu:.1f}" if gpu >= 1 else f"GPU hours: {gpu:.1g}"] if gpu else lines


def typed(job: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the choices of files that a job was given."""
    for override in job:
        key, _, value = override.lstrip("+").partition("=")
        if key in ALIKE:
            yield key, value


def kind_of(choices: dict[str, Any]) -> tuple[str, ...]:
    """Return what runs share whose costs are compared."""
    return tuple(str(choices.get(group)) for group in ALIKE)


def costs() -> dict[tuple[str, ...], list[Cost]]:
    """Return what each completed run of this project took, by its kind."""
    found: dict[tuple[str, ...], list[Cost]] = {}
    for folder, folders, files in os.walk(RUNS):
        folders[:] = [name for name in folders if name not in SEPARATE]
        if "summary.json" not in files:
            continue
        summary = read_summary(Path(folder))
        seconds, epochs = summary.get("seconds") or {}, summary.get("epochs")
        if summary.get("status") != "completed" or not {"fit", "total"} <= seconds.keys() or not epochs:
            continue
        hardware = summary.get("hardware") or {}
        members = hardware.get("members", 1)
        beside, epoch = (seconds["total"] - seconds["fit"]) / members, seconds["fit"] / epochs / members
        cost = Cost(beside, epoch, epochs, size_of(Path(folder)), members > 1, hardware.get("accelerator") == "cuda")
        found.setdefault(kind_of(summary.get("choices") or {}), []).append(cost)
    return found


def size_of(folder: Path) -> int:
    """Return the bytes of a run's own files."""
    own = (path for path in folder.rglob("*") if not {*SEPARATE}.intersection(path.relative_to(folder).parts))
    return sum(path.stat().st_size for path in own if path.is_file() and not path.is_symlink())


def estimate(settings: Settings, alike: Sequence[Cost]) -> float:
    """Return the seconds of a run, by those of others: as many epochs as it is given, or as many as they had."""
    given = settings.trainer.max_epochs
    epochs = given if isinstance(given, int) and given > 0 else median(cost.epochs for cost in alike)
    return median(cost.beside for cost in alike) + epochs * median(cost.epoch for cost in alike)


def gpus(settings: Settings, alike: Sequence[Cost]) -> int:
    """Return how many GPUs a run asks for; `auto` is one at least, if runs like it took any."""
    hardware = settings.hardware
    if hardware.accelerator != "gpu" and not (hardware.accelerator == "auto" and any(cost.on_gpu for cost in alike)):
        return 0
    devices = hardware.devices
    return devices if isinstance(devices, int) else 1 if devices == "auto" else len(devices)


def counted(number: int) -> str:
    """Return `1 job`, `2 jobs`."""
    return f"{number} job{'s' * (number != 1)}"


def in_words(seconds: float) -> str:
    """Return a time as people say it: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{max(1.0, seconds):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
