"""The generators of torch, NumPy and Python: seeded together, and kept apart from those of the training."""

import ctypes
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
WORDS = 625  # of 4 bytes: the state of NumPy's MT19937, and how many of its numbers are used up
seeded: dict[bytes, int] = {}  # NumPy's last seed, by what it left in memory


def states() -> Any:
    """Return the states of the generators of torch, NumPy and Python.

    In the place of NumPy's there is its seed as long as nobody has drawn: to copy the state takes 50 µs, and to put it
    back as long, at every turn of a member of a stack.
    """
    numpy = seeded.get(in_memory())
    return torch.get_rng_state(), np.random.get_state() if numpy is None else numpy, random.getstate()


def set_states(states: Any) -> None:
    """Set the generators of torch, NumPy and Python to what `states` returned."""
    torch.set_rng_state(states[0])
    seed_numpy(states[1]) if isinstance(states[1], int) else np.random.set_state(states[1])
    random.setstate(states[2])


def seed_all(seed: int) -> None:
    """Seed the generators of torch, NumPy and Python."""
    torch.default_generator.manual_seed(seed)
    seed_numpy(seed % 2**32)
    random.seed(seed)


def seed_numpy(seed: int) -> None:
    """Seed NumPy's generator."""
    np.random.seed(seed)
    seeded.clear()
    if found := in_memory():
        seeded[found] = seed


def in_memory() -> bytes:
    """Return what moves with each number that NumPy's generator draws; nothing of one that is not its own."""
    generator = np.random.get_bit_generator()  # type: ignore[attr-defined]  # documented, but not in its stubs
    is_own = type(generator) is np.random.MT19937
    return ctypes.string_at(generator.ctypes.state_address, 4 * WORDS) if is_own else b""


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
