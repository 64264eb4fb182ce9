"""Data sets are cached whole or not at all, and are split by the seed."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from hyperplane.data.cache import SMALL, cached, last_read
from hyperplane.errors import UserError

from my_research.data.mnist1d import MNIST1D

PACKAGE = "my_research"


def files(folder):
    """What is in a folder, without the locks."""
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


LOADING = dict(batch_size=100, val_fraction=0.1, shuffle=True, seed=0)


@pytest.fixture
def mnist1d(data_folder):
    def load(**settings):
        data = MNIST1D(folder=str(data_folder), **(LOADING | settings))
        data.setup()
        return data

    return load


def rows(tensor):
    return {row.numpy().tobytes() for row in tensor}


def test_without_a_split_the_arrays_keep_their_order(mnist1d, data_folder):
    inputs, _ = mnist1d(val_fraction=0).parts["train"]
    with np.load(data_folder / "mnist1d.npz") as arrays:
        assert np.array_equal(inputs[:, :, 0].numpy(), arrays["x"].astype(np.float32))


@pytest.mark.parametrize(("fraction", "held_out"), [(0.1, 400), (0.25, 1000), (0.0, 0)])
def test_the_split_divides_the_training_samples(mnist1d, fraction, held_out):
    data = mnist1d(val_fraction=fraction)
    train, val = rows(data.parts["train"][0]), rows(data.parts["val"][0])
    assert len(val) == held_out and len(train) == 4000 - held_out
    assert not train & val
    assert train | val == rows(mnist1d(val_fraction=0).parts["train"][0])
    assert data.validates == (held_out > 0)


def test_the_seed_chooses_the_split_and_nothing_else(mnist1d):
    first, same, other = (mnist1d(seed=seed) for seed in (1, 1, 2))
    assert torch.equal(first.parts["val"][0], same.parts["val"][0])
    assert rows(first.parts["val"][0]) != rows(other.parts["val"][0])
    assert torch.equal(first.parts["test"][0], other.parts["test"][0])


def test_training_batches_are_shuffled_if_asked_and_others_never(mnist1d):
    for shuffle in (True, False):
        data = mnist1d(shuffle=shuffle)
        for part, loader in (("train", data.train_dataloader()), ("test", data.test_dataloader())):
            in_order = torch.equal(torch.cat([inputs for inputs, _ in loader]), data.parts[part][0])
            assert in_order == (part == "test" or not shuffle)


def test_a_fraction_that_holds_out_nothing_is_refused(mnist1d):
    with pytest.raises(UserError, match=r"data\.val_fraction=0\.0001 of 4000"):
        mnist1d(val_fraction=0.0001)


def make(calls):
    def make():
        calls.append(1)
        return {"x": np.arange(3.0)}

    return make


def test_cached_arrays_are_made_once(tmp_path):
    calls = []
    for _ in range(2):
        assert cached(tmp_path / "new" / "a.npz", make(calls))["x"].tolist() == [0, 1, 2]
    assert len(calls) == 1
    assert files(tmp_path / "new") == {"a.npz"}


def test_of_two_that_need_the_same_arrays_at_once_one_makes_them(tmp_path):
    calls = []

    def slow():
        calls.append(1)
        time.sleep(0.2)
        return {"x": np.arange(3)}

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: cached(tmp_path / "a.npz", slow)["x"].tolist(), range(4)))
    assert results == [[0, 1, 2]] * 4 and len(calls) == 1
    assert files(tmp_path) == {"a.npz"}


def test_arrays_that_stay_in_memory_are_the_file_s_whatever_a_job_does_to_its_own(tmp_path):
    path = tmp_path / "a.npz"
    cached(path, make([]))["x"] += 1
    assert cached(path, make([]))["x"].tolist() == [0, 1, 2]
    cached(path, make([]))["x"] += 1
    assert cached(path, make([]))["x"].tolist() == [0, 1, 2]
    np.savez_compressed(path, x=np.arange(7))
    assert cached(path, make([]))["x"].tolist() == list(range(7))
    last_read.cache_clear()
    np.savez_compressed(path, x=np.zeros(SMALL + 1, np.uint8))  # a few kilobytes, which unfold
    assert len(cached(path, make([]))["x"]) == SMALL + 1 and not last_read.cache_info().currsize


@pytest.mark.parametrize("keep", [0, 20, 100])
def test_a_truncated_cache_is_made_anew(tmp_path, keep):
    path, calls = tmp_path / "a.npz", []
    cached(path, make(calls))
    path.write_bytes(path.read_bytes()[:keep])
    assert cached(path, make(calls))["x"].tolist() == [0, 1, 2]
    assert len(calls) == 2
    cached(path, make(calls))
    assert len(calls) == 2, "the cache is whole again"


def test_a_cache_that_holds_objects_is_not_unpickled(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([print], dtype=object))
    assert cached(tmp_path / "a.npz", make([]))["x"].tolist() == [0, 1, 2]


def test_a_generator_that_fails_leaves_no_file(tmp_path):
    with pytest.raises(ZeroDivisionError):
        cached(tmp_path / "a.npz", lambda: 1 / 0)
    assert files(tmp_path) == set()


def test_arrays_that_cannot_be_kept_are_used_all_the_same(tmp_path):
    (tmp_path / "file").write_text("in the way of the folder")
    assert cached(tmp_path / "file" / "a.npz", make([]))["x"].tolist() == [0, 1, 2]


def test_processes_may_make_the_same_cache_at_once(tmp_path, python):
    script = """
from pathlib import Path
import numpy as np
from hyperplane.data.cache import cached
for i in range(50):
    arrays = cached(Path(str(i)), lambda: dict(x=np.arange(1000.0)))
    assert arrays["x"].sum() == 499500
"""
    with ThreadPoolExecutor() as pool:
        list(pool.map(python, [script, script]))
    assert files(tmp_path) == set(map(str, range(50)))
