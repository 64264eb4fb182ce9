"""The generators of random numbers, and whether a step draws from them."""

from typing import Any

import torch
from torch import Tensor

from ..data.generators import set_states, states


class DrawsForAll(Exception):
    """A step draws numbers in Python, which would be the same for all members."""


class Generators:
    """The generators of random numbers as they are now: torch's, also that of a GPU, NumPy's and Python's.

    Args:
        device: where the members compute.
    """

    def __init__(self, device: Any) -> None:
        self.device = device
        self.kept, self.on_gpu = states(), self.of_gpu()

    def of_gpu(self) -> Tensor | None:
        """Return the state of the GPU's generator, if the members compute on one."""
        return torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None

    def have_moved(self) -> bool:
        """Say whether torch has drawn since.

        Raises:
            DrawsForAll: NumPy or Python has, which draw the same for all members.
        """
        (cpu, numpy, python), gpu = states(), self.of_gpu()
        before = self.kept[1]
        if python != self.kept[2] or numpy[2:] != before[2:] or (numpy[1] != before[1]).any():
            raise DrawsForAll("it draws from Python's or NumPy's generator, one number for all members")
        moved = self.on_gpu is not None and gpu is not None and not torch.equal(gpu, self.on_gpu)
        return moved or not torch.equal(cpu, self.kept[0])

    def put_back(self) -> None:
        """Put the generators back."""
        set_states(self.kept)
        if self.on_gpu is not None:
            torch.cuda.set_rng_state(self.on_gpu, self.device)
