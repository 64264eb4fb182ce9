"""What the processes that train one model together tell each other. In a process of its own, all of this is nothing.

Every process, a rank, goes through the same batches. It computes a share of the rows of each, and receives the outputs
of the others: loss and metrics are those of the whole batch, on every rank the same, whatever the loss. So all ranks
decide alike, and `data.batch_size` means the same as on one device.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, distributed


def are_several() -> bool:
    """Say whether this process is one of several ranks."""
    return distributed.is_available() and distributed.is_initialized()


def rank() -> int:
    """Return the number of this process, counted from 0: the first one writes what a run leaves."""
    return distributed.get_rank() if are_several() else 0


def number_of_ranks() -> int:
    """Return how many processes train the same model."""
    return distributed.get_world_size() if are_several() else 1


def shard_batch(network: Callable[..., Tensor], inputs: Sequence[Tensor]) -> Tensor:
    """Return `network(*inputs)`, of which every rank has computed a share of the rows.

    The network maps each row on its own; the inputs are the same on all ranks.

    Returns:
        The outputs of all rows. Those of this rank have a gradient, multiplied by the number of ranks: DDP takes the
        mean over the ranks where the sum is meant.
    """
    if not are_several():
        return network(*inputs)
    ranks, rows = number_of_ranks(), len(inputs[0])
    # Rank r takes the rows r, r + ranks, r + 2 ranks, ... Where they do not divide evenly, some compute the last row
    # once more; it is cut off below, so it neither counts nor has a gradient.
    share = torch.arange(rank(), -(-rows // ranks) * ranks, ranks, device=inputs[0].device).clamp(max=rows - 1)
    outputs = network(*(tensor[share] for tensor in inputs)).contiguous()
    if outputs.requires_grad:
        outputs.register_hook(lambda gradient: gradient * ranks)
    gathered = [torch.empty_like(outputs) for _ in range(ranks)]
    distributed.all_gather(gathered, outputs.detach())
    gathered[rank()] = outputs
    return torch.stack(gathered, dim=1).flatten(0, 1)[:rows]


def broadcast(*numbers: int) -> tuple[int, ...]:
    """Return what the first rank passes here, on all ranks: they look at clocks and signals, which differ."""
    if not are_several():
        return numbers
    told = torch.tensor(numbers)
    distributed.broadcast(told, src=0)
    return tuple(told.tolist())


def of_all_ranks(value: Any) -> list[Any]:
    """Return what every rank passes here, in their order."""
    values = [value] * number_of_ranks()
    if are_several():
        distributed.all_gather_object(values, value)
    return values
