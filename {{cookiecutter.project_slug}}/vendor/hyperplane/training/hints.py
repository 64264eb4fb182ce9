"""What to do about an error that has a usual remedy. Imports no torch: errors are known by their class's name."""

import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import first_line
from ..project import current
from ..settings import Settings

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

# How torch says that memory is used up: on a GPU, on the CPU, and through another rank.
NO_MEMORY = ("OutOfMemoryError", "MemoryError", "can't allocate memory", "not enough memory")
NO_GRADIENT = "does not require grad and does not have a grad_fn"
EVALUATIONS = ("validation_step", "test_step")
COMPILER = ("torch._dynamo", "torch._inductor")  # where errors of torch.compile are defined


def explain_failure(error: Exception, settings: Settings, trainer: "Trainer | None") -> str:
    """Return the error in a line or two, with its remedy where there is a usual one."""
    text = f"{type(error).__name__}: {error}"
    if type(error).__name__ == "Diverged" and trainer is not None:
        is_ours = settings.task.asks_for("optimizer")  # or the task makes an optimizer of its own
        rate = f"optimizer.lr (now {getattr(settings.optimizer, 'lr', None)})" if is_ours else "the learning rate"
        return (
            f"{text} (step {step_of(error, trainer)}, epoch {trainer.current_epoch}). "
            f"Lower {rate}, or limit the gradients with trainer.gradient_clip_val=1."
        )
    if any(words in text for words in NO_MEMORY):
        batch = getattr(settings.data, "batch_size", None)
        return (
            f"Out of memory with data.batch_size={batch} ({first_line(error)}). Lower data.batch_size "
            "(trainer.accumulate_grad_batches=2 keeps the steps as they are with half of it), the sizes under model, "
            "or choose hardware.precision=bf16-mixed."
        )
    steps = [frame.name for frame in traceback.extract_tb(error.__traceback__) if frame.name in EVALUATIONS]
    if NO_GRADIENT in text and steps:
        inference = ", and set trainer.inference_mode=false" if settings.trainer.inference_mode else ""
        return f"{text}. In {steps[0]} gradients are off: compute them within torch.enable_grad(){inference}."
    if type(error).__module__.startswith(COMPILER):
        return f"torch could not compile the network ({first_line(error)}): hardware.compile=false trains without."
    return ". ".join([text + place_of(error), *getattr(error, "__notes__", ())])


def place_of(error: Exception) -> str:
    """Return the last line of the project's own code on the way to an error, or nothing where that is the story."""
    own, engine = current().folder, Path(__file__).resolve().parents[1]
    steps = [(Path(frame.filename).resolve(), frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    known = [(path, line) for path, line in steps if {own, engine} & {*path.parents}]
    mine = [(path, line) for path, line in known if own in path.parents]
    if not mine or (mine[-1][0] == own / "train.py" and mine[-1] != known[-1]):
        return ""
    path, line = mine[-1]
    return f" (src/{own.name}/{path.relative_to(own).as_posix()}, line {line})"


def step_of(error: Exception, trainer: "Trainer") -> int:
    """Return the optimizer step, counted from 1, whose loss was not finite; it may have been noticed later."""
    batches = trainer.fit_loop.epoch_loop.batch_progress.current
    since = batches.completed - batches.ready + getattr(error, "ago", 1)
    return max(1, trainer.global_step + 1 - since // trainer.accumulate_grad_batches)
