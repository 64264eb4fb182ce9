"""The generators of torch, NumPy and Python: seeded together, and kept apart from those of the training."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from lightning.pytorch import seed_everything

APART = 1_000_003  # seeds of stages, epochs and batches lie this far apart
SEEDS = 2**63  # torch takes no larger ones


def states() -> Any:
    """Return the states of the generators of torch, NumPy and Python."""
    return torch.get_rng_state(), np.random.get_state(), random.getstate()


def set_states(states: Any) -> None:
    """Set the generators of torch, NumPy and Python to what `states` returned."""
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])


def seed_all(seed: int) -> None:
    """Seed the generators of torch, NumPy and Python."""
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed % 2**32)
    random.seed(seed)


def seed_program(seed: int) -> None:
    """Do what Lightning's `seed_everything` does.

    For each kind of device that is not there, torch's own `manual_seed` notes the call stack, longer than a step.
    """
    if torch.accelerator.is_available():
        seed_everything(seed, verbose=False)
        return
    os.environ |= {"PL_GLOBAL_SEED": str(seed), "PL_SEED_WORKERS": "0"}
    seed_all(seed)


class Generators:
    """The generators of torch, NumPy and Python, apart from those of the training."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.states: Any = None

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Draw from these generators inside."""
        outside = states()
        seed_all(self.seed) if self.states is None else set_states(self.states)
        try:
            yield
        finally:
            self.states = states()
            set_states(outside)
