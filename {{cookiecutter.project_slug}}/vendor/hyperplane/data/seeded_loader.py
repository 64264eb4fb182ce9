"""DataLoaders whose batches follow from a seed: their order, and what is drawn for them, in workers too.

What a batch draws follows from the seed, the epoch and its number alone, so it is the same with any number of workers,
whether they start anew or persist, and an epoch can begin in its middle without reading what comes before. What a data
set draws from a generator of its own is not seeded.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, get_worker_info

from .generators import APART, SEEDS, Generators, seed_all, set_states, states
from .resumable import Resumable

ORDERED_AT_ONCE = 32  # batches, of their sample numbers: to change generators takes as long as a small batch


class SeededLoader(Resumable):
    """A DataLoader whose epochs follow from a seed, and that can begin in the middle of one.

    Unless it `trains`, every epoch has the same draws.
    """

    def __init__(self, loader: DataLoader[Any], seed: int, trains: bool) -> None:
        super().__init__()
        self.loader = loader
        self.seed = seed
        self.trains = trains
        batches = loader.batch_sampler
        self.samplers = [loader.sampler, batches, getattr(batches, "sampler", None)]
        given = [getattr(part, "generator", None) for part in (loader, *self.samplers)]
        # Generators of the loader's own, and their seeds: they begin anew in each epoch.
        self.generators = {one: one.initial_seed() for one in given if isinstance(one, torch.Generator)}
        self.order: SeededOrder | None = None
        self.seeded = loader
        if batches is not None and not isinstance(loader.dataset, IterableDataset):
            self.order = SeededOrder(batches)
            self.seeded = copy(loader)
            items = SeededItems(loader.dataset, loader.collate_fn)
            vars(self.seeded).update(dataset=items, batch_sampler=self.order, collate_fn=as_it_is)

    def __getattr__(self, name: str) -> Any:
        """Answer as the loader does: `dataset`, `batch_size` and others."""
        return getattr(self.loader, name)

    def set_epoch(self, epoch: int) -> None:
        if not self.trains:
            return
        self.epoch = epoch
        for sampler in self.samplers:
            if callable(getattr(sampler, "set_epoch", None)):
                sampler.set_epoch(epoch)  # type: ignore[union-attr]

    def __len__(self) -> int:
        """Return the number of batches in an epoch.

        Raises:
            TypeError: the data set has no length.
        """
        return len(self.loader)

    def remaining(self) -> Iterator[Any]:
        seed = (self.seed * APART + self.epoch) % SEEDS
        for generator, own in self.generators.items():
            generator.manual_seed((seed + own) % SEEDS)
        if self.order is not None:
            self.order.seed, self.order.skipped = seed, self.taken
            with Generators(seed).in_use():  # the seed of the workers
                batches: Iterator[Any] = iter(self.seeded)
        else:  # a stream is drawn again from its start, by workers that have drawn nothing yet
            self.seeded._iterator = None
            batches = islice(drawn_from(Generators(seed), self.seeded, 1), self.taken, None)
        for batch in batches:
            self.taken += 1
            yield batch


def drawn_from(generators: Generators, things: Iterable[Any], at_once: int) -> Iterator[Any]:
    """Yield one thing after the other; what is drawn for them is drawn from `generators`, for so many at once."""
    with generators.in_use():
        iterator = iter(things)
    while True:
        with generators.in_use():
            drawn = list(islice(iterator, at_once))
        if not drawn:
            return
        yield from drawn


class SeededOrder:
    """The batches of an epoch, each with a seed of its own."""

    def __init__(self, batch_sampler: Iterable[list[int]]) -> None:
        self.batch_sampler = batch_sampler
        self.seed = 0  # of the epoch
        self.skipped = 0  # batches that it leaves out

    def __len__(self) -> int:
        return len(self.batch_sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[tuple[int, list[int]]]:
        """Return the seed and the sample numbers of one batch after the other."""
        batches = drawn_from(Generators(self.seed), self.batch_sampler, ORDERED_AT_ONCE)
        numbered = islice(enumerate(batches), self.skipped, None)
        first = self.seed * APART
        return (((first + number) % SEEDS, batch) for number, batch in numbered)


class SeededItems(Dataset[Any]):
    """Reads the batches of a data set, in a worker or in the process that trains.

    Whoever asks it, such as a `worker_init_fn`, reaches the data set of single samples.
    """

    def __init__(self, dataset: Any, collate: Any) -> None:
        vars(self).update(dataset=dataset, collate=collate)

    def __getattr__(self, name: str) -> Any:
        """Answer as the data set does."""
        if name in ("dataset", "collate"):  # not there yet, where a worker unpickles this
            raise AttributeError(name)
        return getattr(self.dataset, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Set what belongs to the data set, such as a file that each worker opens."""
        setattr(self.dataset, name, value)

    def __getitems__(self, batch: tuple[int, list[int]]) -> Any:
        """Return a batch."""
        seed, numbers = batch
        outside = states() if get_worker_info() is None else None
        seed_all(seed)
        try:
            at_once = getattr(self.dataset, "__getitems__", None)
            samples = at_once(numbers) if at_once else [self.dataset[number] for number in numbers]
            return self.collate(samples)
        finally:
            if outside is not None:
                set_states(outside)


def as_it_is(batch: Any) -> Any:
    return batch
