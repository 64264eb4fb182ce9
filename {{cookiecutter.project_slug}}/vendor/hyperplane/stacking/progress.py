"""Steps that look at their own progress, such as a loss that is annealed: a stack cannot take them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class LooksAtProgress(Exception):
    """A step reads how far its run is, which is another place for each member, and stands still within a window."""


class NoTrainer:
    """Stands in for a task's trainer while all members compute; says what of it was read."""

    asked = ""

    def __getattr__(self, name: str) -> Any:
        self.asked = name
        raise LooksAtProgress(f"it reads the trainer's {name}")


@contextmanager
def without_trainer(task: Any) -> Iterator[None]:
    """Let nothing inside read the trainer of a task, not even if it catches the exception."""
    held, stand_in = vars(task), NoTrainer()
    own, held["_trainer"] = held["_trainer"], stand_in
    try:
        yield
    finally:
        held["_trainer"] = own
    if stand_in.asked:
        raise LooksAtProgress(f"it reads the trainer's {stand_in.asked}")
