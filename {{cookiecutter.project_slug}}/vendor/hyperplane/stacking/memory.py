"""How many members fit into memory, as far as the first of them tells."""

import os
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .batching import map_tensors, tensors_in
from .kinds import alone, as_they_were, task_of
from .member import Window

MOST = 64  # more of them train no faster by member, and what they share no longer fits into a cache
SHARE = 0.5  # of the memory that is free
COPIES = 8  # of a parameter: own and stacked, its gradient, two moments of each, the best so far


def most_members(window: Window) -> int:
    """Return how many members like the one that waits fit into memory; one whose step fails says so when it trains."""
    device = window.loop.trainer.strategy.root_device
    try:
        size = needed(window)
    except Exception:
        return MOST
    return max(1, min(MOST, int(SHARE * free(device)) // max(1, size)))


def needed(window: Window) -> int:
    """Return the bytes that a member takes: weights, data, batches, and what a step keeps for its gradients."""
    task, data = task_of(window), window.loop.trainer.datamodule
    own = [getattr(data, name, None) for name in ("raw", "parts")]
    tensors = [*tensors_in(own), *tensors_in(window.batches), *tensors_in(window.batches)]
    sizes = [COPIES * sum(parameter.nbytes for parameter in task.parameters())]
    sizes += [tensor.nbytes for tensor in tensors]

    def keep(tensor: Tensor) -> Tensor:
        sizes.append(tensor.nbytes)
        return tensor

    state = torch.get_rng_state()
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), as_they_were([task]):
            alone(window.loop, map_tensors(itemgetter(0), window.batches))
    finally:
        torch.set_rng_state(state)
    return sum(sizes)


def free(device: Any) -> int:
    """Return the bytes that are free on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    facts = Path("/proc/meminfo")
    if facts.is_file():  # of Linux: what is free, and what caches would give back
        lines = dict(line.split(":", 1) for line in facts.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
