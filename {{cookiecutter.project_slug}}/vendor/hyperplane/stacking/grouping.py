"""Which jobs of a multirun may be members of a stack: those whose settings differ in certain numbers only.

Imports no torch. What the jobs build is compared once more where they run, see `kinds.py`.
"""

import json
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from omegaconf import OmegaConf

from ..settings import Settings
from ..sweeps.jobs import Job
from ..validation import check

# Settings that members of a stack may have each for itself: they change neither shapes nor operations. Of a setting
# that is not named here, all members have the same.
OWN = (
    "seed",
    "data.fold",
    "optimizer.*",  # but for its class, and what is true or false
    "scheduler.*",
    "loss.*",
    "model.dropout",
    "model.l2",
    "init_from",
    "trainer.max_epochs",
    "trainer.max_steps",
    "trainer.least_steps",
    "trainer.min_epochs",
    "trainer.min_steps",
    "early_stopping.*",
    "checkpoint.*",
    "sweep",
    "figures",
    "tracking.*",
)
PRECISIONS = ("auto", "32-true", "64-true", "bf16-mixed")


def common(job: Job) -> str:
    """Return the settings that all members of a stack share with this job, and which of the others are numbers."""
    values = {key: value for key, value in job.values.items() if key != "hydra"}
    if "${" in repr(values):
        config = job.config
        values = {key: plain(config[key]) for key in values}  # Hydra's part takes long to resolve
    return json.dumps(dict(leaves(values)), default=str)


def plain(value: Any) -> Any:
    """Return a section of a configuration as plain values; a value is one already."""
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


@cache
def is_own(key: str) -> bool:
    """Say whether members of a stack may have a setting each for itself."""
    return any(fnmatchcase(key, pattern) for pattern in OWN)


def leaves(value: Any, key: str = "") -> list[tuple[str, Any]]:
    """Return every setting by its full name; in the place of a number that members have each for itself, its kind."""
    if isinstance(value, dict):
        inner = sorted(value.items(), key=lambda item: str(item[0]))  # keys may be numbers
        return [leaf for name, item in inner for leaf in leaves(item, f"{key}.{name}".lstrip("."))]
    if isinstance(value, list):
        return [leaf for place, item in enumerate(value) for leaf in leaves(item, f"{key}.{place}")] or [(key, [])]
    return [(key, kind_of(key, value) if is_own(key) else value)]


def kind_of(key: str, value: Any) -> Any:
    """Return what members have to have in common of a number: that it is one, and that it is not zero.

    What is zero is often left out of a step. Lengths, folders and words on a run are free altogether.
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if key.partition(".")[0] in ("model", "optimizer", "scheduler", "loss") and not is_number:
        return value
    if key.startswith(("model.", "optimizer.")):
        return "a number" if value else 0
    return "its own"


def why_ordinary(settings: Settings) -> str:
    """Return why a job cannot be a member of a stack, as far as its settings say, or nothing."""
    trainer, hardware = settings.trainer, settings.hardware
    reasons = {
        "its model is solved at once": settings.is_solved,
        "its optimizer computes the loss of a batch several times": settings.optimizer.states("reevaluates_loss"),
        "find= only tries": settings.find is not None,
        "trainer.accumulate_grad_batches sums gradients": trainer.accumulate_grad_batches > 1,
        "trainer.max_time looks at the clock in each step": trainer.max_time is not None,
        "trainer.profiler or detect_anomaly watch each step": trainer.profiler is not None or trainer.detect_anomaly,
        "it shares its batches between devices": hardware.may_be_several,
        f"hardware.precision={hardware.precision} scales or rounds weights": hardware.precision not in PRECISIONS,
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def group(jobs: Sequence[Job], most: int | None, processes: int) -> tuple[list[list[int]], dict[str, int]]:
    """Return the numbers of the jobs that run together, and why how many run by themselves.

    Args:
        jobs: of a multirun.
        most: members of a stack; None: it is left to the process that trains them.
        processes: that run side by side: a group is divided, so that all have something to do.
    """
    alike: dict[str, list[int]] = {}
    for number, job in enumerate(jobs):
        alike.setdefault(common(job), []).append(number)
    parts: list[list[int]] = []
    reasons: dict[str, int] = {}
    for numbers in alike.values():
        settings = check(jobs[numbers[0]].config)
        reason = why_ordinary(settings)
        if reason:
            words = f"{settings.chosen('model')}: {reason}"
            reasons[words] = reasons.get(words, 0) + len(numbers)
            parts += [[number] for number in numbers]
        else:
            parts += divided(numbers, most, processes)
    return parts, reasons


FEWEST = 8  # members of a part of a group that is divided between processes


def divided(numbers: list[int], most: int | None, processes: int) -> list[list[int]]:
    """Return the jobs of a group in parts of about the same size."""
    parts = min(processes, max(1, len(numbers) // FEWEST))
    if most is not None:
        parts = max(parts, -(-len(numbers) // most))
    size = -(-len(numbers) // parts)
    return [numbers[start : start + size] for start in range(0, len(numbers), size)]
