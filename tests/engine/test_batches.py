"""Batches hold every sample once, in an order that follows from the seed and the epoch alone."""

from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from hyperplane.data.batches import GPU_SHARE, Batches, Cut, on_gpu

SAMPLES = 103
TENSORS = (torch.arange(SAMPLES)[:, None] * torch.ones(1, 4), torch.arange(SAMPLES))


def epoch(seed, number=0, batch_size=10):
    batches = Batches(TENSORS, batch_size, seed)
    batches.set_epoch(number)
    return torch.cat([targets for _, targets in batches])


@pytest.mark.parametrize("seed", [None, 0, 2**32 - 1])
@pytest.mark.parametrize("batch_size", [1, 3, 10, 103, 1000])
def test_every_sample_comes_once_and_in_order_the_last_batch_holds_the_rest(seed, batch_size):
    batches = Batches(TENSORS, batch_size, seed)
    sizes = [len(targets) for _, targets in batches]
    assert len(sizes) == len(batches) and sum(sizes) == SAMPLES
    assert seed is not None or set(sizes[:-1]) <= {batch_size}
    assert epoch(seed, batch_size=batch_size).sort().values.tolist() == list(range(SAMPLES))


@pytest.mark.parametrize("samples", [0, 1, 2, 99, 100, 101, 108, 3600, 10_001])
@pytest.mark.parametrize("most", [1, 2, 7, 32, 100])
def test_training_batches_are_as_few_as_they_can_be_and_their_sizes_differ_by_one_at_most(samples, most):
    starts = Cut.even(samples, most).starts()
    sizes = [end - start for start, end in pairwise(starts)]
    assert len(sizes) == -(-samples // most) and starts[0] == 0 and starts[-1] == samples
    assert not sizes or (max(sizes) <= most and min(sizes) >= max(sizes) - 1 and sizes == sorted(sizes, reverse=True))
    batches = Batches((torch.arange(108),), 100, seed=0)
    assert [len(y) for (y,) in batches] == [54, 54] and [len(y) for (y,) in Batches((torch.arange(108),), 100)] == [
        100,
        8,
    ]


@pytest.mark.parametrize("seed", [None, 3])
@pytest.mark.parametrize("most", [1, 4, 40])
def test_many_batches_taken_at_once_are_those_that_come_one_by_one(seed, most):
    single, many = Batches(TENSORS, 10, seed), Batches(TENSORS, 10, seed)
    taken = []
    while many.taken < len(many):
        inputs, targets = many.take(most)
        assert len(inputs) <= most
        taken += zip(inputs, targets, strict=True)
    for (x, y), (other_x, other_y) in zip(single, taken, strict=True):
        assert torch.equal(x, other_x) and torch.equal(y, other_y)


@pytest.mark.parametrize("taken", [1, 5, 10, 11])
def test_an_epoch_goes_on_where_it_was_left(taken):
    resumed = Batches(TENSORS, 10, seed=3)
    resumed.load_state_dict({"taken": taken})
    rest = [targets.tolist() for _, targets in resumed]
    assert rest == [targets.tolist() for _, targets in Batches(TENSORS, 10, seed=3)][taken:]


def test_batches_begin_in_memory_where_tensors_do_whatever_their_size():
    odd = torch.arange(SAMPLES * 13.0).view(SAMPLES, 13)
    for seed in (None, 0):
        batches = [inputs for (inputs,) in Batches((odd,), 19, seed)]
        assert not any(inputs.data_ptr() % 64 for inputs in batches)
        assert torch.cat(batches).sum() == odd.sum()


def test_inputs_and_targets_stay_together():
    for inputs, targets in Batches(TENSORS, 10, seed=3):
        assert torch.equal(inputs[:, 2], targets.float())


@pytest.mark.parametrize("features", [1, 13])
def test_a_batch_is_computed_with_to_the_same_bits_wherever_a_run_begins(features):
    x = torch.randn(116, features, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(features, 8, generator=torch.Generator().manual_seed(1))
    whole, resumed = Batches((x,), 40, seed=0), Batches((x,), 40, seed=0)
    resumed.load_state_dict({"taken": 1})
    for (one,), (other,) in zip(list(whole)[1:], resumed, strict=True):
        assert one.data_ptr() % 64 == other.data_ptr() % 64 == 0  # MKL's products differ in the last bit otherwise
        assert torch.equal(one @ weight, other @ weight)


def test_without_a_seed_samples_stay_in_order():
    assert epoch(None).tolist() == list(range(SAMPLES))


def test_the_order_follows_from_seed_and_epoch_alone():
    first = epoch(seed=1, number=5)
    torch.rand(10)  # neither the global generator
    Batches(TENSORS, 10, seed=1)  # nor what was iterated before matters
    again = Batches(TENSORS, 10, seed=1)
    list(again)
    again.set_epoch(5)
    assert torch.equal(torch.cat([targets for _, targets in again]), first)


def test_every_seed_and_every_epoch_has_an_order_of_its_own():
    orders = {tuple(epoch(seed, number).tolist()) for seed in range(5) for number in range(5)}
    assert len(orders) == 25


def test_iterating_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    epoch(seed=7)
    assert torch.equal(torch.rand(3), expected)


def test_the_batch_size_does_not_change_the_order():
    assert torch.equal(epoch(4, batch_size=10), epoch(4, batch_size=7))


@pytest.mark.parametrize(("too_little", "place"), [(0, "meta"), (1, "cpu")])
def test_data_that_fit_well_lie_on_the_gpu(monkeypatch, too_little, place):
    free = sum(tensor.nbytes for tensor in TENSORS) / GPU_SHARE - too_little
    to = torch.Tensor.to
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, free))
    # A device without memory plays the GPU.
    monkeypatch.setattr(torch.Tensor, "to", lambda self, device: to(self, "meta" if device.type == "cuda" else device))
    trainer = SimpleNamespace(strategy=SimpleNamespace(root_device=torch.device("cuda")))
    tensors = on_gpu(TENSORS, trainer)
    assert [tensor.device.type for tensor in tensors] == [place, place]
    batches = list(Batches(tensors, 10, seed=3))
    assert {tensor.device.type for batch in batches for tensor in batch} == {place} and len(batches[-1][0]) == 9
