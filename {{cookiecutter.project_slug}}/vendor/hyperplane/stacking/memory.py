"""How many members fit into memory, as far as the first of them tells."""

import os
from operator import itemgetter
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..tasks.epoch_metrics import BATCHES_AT_ONCE, BYTES_AT_ONCE
from .attributes import as_they_were
from .batching import map_tensors, tensors_in
from .epoch_end import STEPS
from .generators import Generators
from .kinds import forward, task_of
from .member import Window

MOST = 64  # more of them train no faster by member, and what they share no longer fits into a cache
SHARE = 0.5  # of the memory that is free
COPIES = 8  # of a parameter: own and stacked, its gradient, two moments of each, the best so far


def most_members(window: Window, processes: int = 1) -> int:
    """Return how many members like the one that waits fit into memory; one whose step fails says so when it trains.

    Args:
        window: the first of the member.
        processes: with a stack each, this one included, that share the memory.
    """
    device = window.loop.trainer.strategy.root_device
    if device.type == "cuda":
        processes = -(-processes // torch.cuda.device_count())
    try:
        size = needed(window)
    except Exception:
        return MOST
    return max(1, min(MOST, int(SHARE * free(device) / processes) // max(1, size)))


def needed(window: Window) -> int:
    """Return the bytes that a member takes: weights, data, a window of batches, what a step keeps for gradients.

    A validation with those of the others keeps nothing, but has two neighbouring layers of all its samples at a time.
    """
    task, data = task_of(window), window.loop.trainer.datamodule
    batch = map_tensors(itemgetter(0), window.batches)
    own = [getattr(data, name, None) for name in ("raw", "parts", "pixels")]
    sizes = [COPIES * sum(parameter.nbytes for parameter in task.parameters())]
    sizes += [tensor.nbytes for tensor in tensors_in(own)]
    kept = [0]

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor.nbytes)
        return tensor

    before = Generators(task.device)
    try:
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), as_they_were([task]):
            _, outputs = forward(window.loop, batch)
    finally:
        before.put_back()
    of_outputs, of_batch = outputs.nbytes, 2 * sum(tensor.nbytes for tensor in tensors_in(batch))  # own and stacked
    ahead = min(BATCHES_AT_ONCE, window.loop.trainer.num_training_batches, BYTES_AT_ONCE // max(1, of_outputs) + 1)
    validated = len(window.validation_batch[0]) / len(next(tensors_in(batch))) if window.validation_batch else 0
    sizes.append(int(2 * max(kept) * validated) if validated <= STEPS else 0)
    return sum(sizes) + sum(kept) + int(ahead) * (of_outputs + of_batch)


def free(device: Any) -> int:
    """Return the bytes that are free on a device."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    facts = Path("/proc/meminfo")
    if facts.is_file():  # of Linux: what is free, and what caches would give back
        lines = dict(line.split(":", 1) for line in facts.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
