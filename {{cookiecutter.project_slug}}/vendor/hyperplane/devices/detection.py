"""What `auto` means on this machine. Imports no torch before there is something to find out."""

import os

from loguru import logger
from pydantic import ValidationError

from ..errors import UserError
from ..processes.cores import SLOT, cores_for_this_job
from ..settings import Hardware, Settings
from ..validation import problems_of


def choose(settings: Settings) -> Hardware:
    """Return the hardware of a run with a value for each `auto`; say in a line which, and why.

    Raises:
        UserError: what was found does not go with what was asked for.
    """
    values = settings.hardware.model_dump()
    said = []
    for key, decide in (("accelerator", accelerator), ("devices", devices), ("precision", precision)):
        if values[key] == "auto":
            values[key], why = decide(settings, values["accelerator"])
            said.append(f"{key}={values[key]} ({why})")
    if not said:
        return settings.hardware
    try:
        chosen = Hardware.model_validate(values)
    except ValidationError as error:
        raise UserError("\n".join(problems_of(error, Hardware, values, ("hardware",)))) from None
    logger.info("Hardware: {}, threads={} (of {} cores)", ", ".join(said), chosen.threads, cores_for_this_job())
    return chosen


def accelerator(settings: Settings, asked: str) -> tuple[str, str]:
    """Return where to compute, and why."""
    import torch

    if settings.is_solved:
        return "cpu", "this model is solved at once, not in steps"
    if torch.cuda.is_available():
        return "gpu", f"found {torch.cuda.device_count()}: {torch.cuda.get_device_name()}"
    if torch.backends.mps.is_available():
        return "mps", "the GPU of this Mac"
    return "cpu", "torch finds no GPU"


def devices(settings: Settings, accelerator: str) -> tuple[int, str]:
    """Return how many devices to use, and why."""
    import torch

    if accelerator != "gpu":
        return 1, "there is one"
    if settings.optimizer.states("reevaluates_loss") or settings.is_solved:
        return 1, "the optimizer or the model takes no more"
    if settings.find is not None:
        return 1, f"find={settings.find} tries on one"
    if settings.hardware.accelerator == "auto" and SLOT in os.environ:
        return 1, "jobs run side by side"
    return max(1, torch.cuda.device_count()), "all"


def precision(settings: Settings, accelerator: str) -> tuple[str, str]:
    """Return how precisely to compute, and why."""
    import torch

    if accelerator != "gpu" or not torch.cuda.is_bf16_supported(including_emulation=False):
        return "32-true", "bf16 pays on GPUs that compute it"
    if settings.optimizer.states("reevaluates_loss") or settings.is_solved:
        return "32-true", "the optimizer or the model needs the digits"
    return "bf16-mixed", "this GPU computes it"
