"""What DataLoaders yield follows from seed and epoch: in workers too, and from the middle of an epoch on."""

import os
import random
from itertools import islice

import numpy as np
import pytest
import torch
from hyperplane.data.seeded_loader import SeededLoader
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, RandomSampler, default_collate


class Noisy(Dataset):
    """Each sample is its number, the process that read it, and a draw of each generator."""

    opened = ""

    def __init__(self):
        self.read = []

    def __len__(self):
        return 22

    def __getitem__(self, index):
        self.read.append(index)
        return index, os.getpid(), float(torch.rand(())), np.random.rand(), random.random()


class Stream(IterableDataset):
    def __iter__(self):
        return (float(torch.rand(())) for _ in range(20))


def loader_of(dataset=None, seed=3, trains=True, **options):
    options = {"batch_size": 4, "shuffle": True} | options
    return SeededLoader(DataLoader(Noisy() if dataset is None else dataset, **options), seed, trains)


def epoch(loader, number=0):
    """Return the batches of an epoch, without the processes that read them."""
    loader.set_epoch(number)
    return [[part.tolist() for i, part in enumerate(batch) if i != 1] for batch in loader]


def noisy_collate(samples):
    return [*default_collate(samples), torch.rand(2)]


def test_batches_follow_from_seed_and_epoch():
    first = epoch(loader_of())
    assert sorted(number for batch in first for number in batch[0]) == list(range(22))
    assert epoch(loader_of()) == first
    assert epoch(loader_of(), 1) != first and epoch(loader_of(seed=4)) != first
    draws = [draw for batch in first for draw in batch[1]]
    assert len(set(draws)) == 22, "no two samples have the same draw"


@pytest.mark.parametrize("options", [{}, {"persistent_workers": True}, {"collate_fn": noisy_collate}], ids=str)
def test_any_number_of_workers_yields_the_same_batches(options):
    alone = loader_of(collate_fn=options.get("collate_fn"))
    shared = loader_of(num_workers=2, **options)
    for number in (0, 1):
        assert epoch(shared, number) == epoch(alone, number)


def test_persistent_workers_are_started_once():
    loader, processes = loader_of(num_workers=2, persistent_workers=True), []
    for number in range(3):
        loader.set_epoch(number)
        processes.append({pid for batch in islice(loader, 3) for pid in batch[1].tolist()})
    assert processes[0] == processes[1] == processes[2] and len(processes[0]) == 2


@pytest.mark.parametrize("workers", [0, 2])
def test_an_epoch_goes_on_in_its_middle_and_reads_only_the_rest(workers):
    whole = epoch(loader_of(num_workers=workers), 5)
    dataset = Noisy()
    loader = loader_of(dataset, num_workers=workers)
    loader.load_state_dict({"taken": 2})
    assert epoch(loader, 5) == whole[2:] and loader.state_dict() == {"taken": 6}
    if not workers:
        assert dataset.read == [number for batch in whole[2:] for number in batch[0]]
    assert epoch(loader, 6) == epoch(loader_of(), 6), "the next epoch begins with its first batch"


def test_a_stream_goes_on_in_its_middle():
    streams = [SeededLoader(DataLoader(Stream(), batch_size=3, num_workers=1), 3, True) for _ in range(2)]
    whole = [batch.tolist() for batch in streams[0]]
    streams[1].load_state_dict({"taken": 2})
    assert [batch.tolist() for batch in streams[1]] == whole[2:]


@pytest.mark.parametrize("place", ["loader", "sampler", "batch sampler"])
def test_a_generator_of_its_own_begins_anew_in_each_epoch(place):
    def loader(seed):
        generator = torch.Generator().manual_seed(seed)
        sampler = RandomSampler(range(22), generator=generator)
        if place == "loader":
            return loader_of(generator=generator)
        if place == "sampler":
            return loader_of(sampler=sampler, shuffle=False)
        batches = BatchSampler(sampler, 4, drop_last=False)
        return SeededLoader(DataLoader(Noisy(), batch_sampler=batches), 3, True)

    went_on = loader(0)
    epoch(went_on, 0)
    assert epoch(went_on, 1) == epoch(loader(0), 1) != epoch(loader(1), 1)


def test_the_training_draws_the_same_whatever_is_loaded():
    def draws():
        return torch.rand(()), np.random.rand(), random.random()

    def seed():
        torch.manual_seed(0), np.random.seed(0), random.seed(0)

    seed()
    expected = draws()
    seed()
    epoch(loader_of())
    assert draws() == expected


def test_an_evaluation_draws_the_same_in_each_epoch():
    loader = loader_of(trains=False)
    assert epoch(loader, 0) == epoch(loader, 1)


def test_what_a_worker_sets_in_the_data_set_is_set():
    class Opened(Noisy):
        def __getitem__(self, index):
            return index, 0, self.opened

    def open_file(worker):
        torch.utils.data.get_worker_info().dataset.opened = f"by {worker}"

    loader = loader_of(Opened(), num_workers=1, worker_init_fn=open_file)
    assert {word for batch in loader for word in batch[2]} == {"by 0"}
    assert isinstance(loader.dataset, Opened) and len(loader) == 6


def test_samples_may_be_read_at_once():
    class AtOnce(Noisy):
        def __getitems__(self, numbers):
            self.read += [tuple(numbers)]
            return [(number, 0) for number in numbers]

    dataset = AtOnce()
    epoch(loader_of(dataset))
    assert [len(numbers) for numbers in dataset.read] == [4, 4, 4, 4, 4, 2]
