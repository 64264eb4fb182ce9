"""MNIST-1D is what its authors publish."""

import numpy as np
import pytest
import torch
from mnist1d.data import get_dataset_args, make_dataset

from {{ cookiecutter.package_name }}.data.mnist1d import MNIST1D


@pytest.fixture
def load(made_once):
    def load(**settings):
        data = MNIST1D(folder=str(made_once), seed=0, **settings)
        data.setup()
        return data

    return load


def test_it_is_what_the_authors_make(load, made_once):
    inputs = load(val_fraction=0).parts["train"][0]
    published = make_dataset(get_dataset_args())
    with np.load(made_once / "mnist1d.npz") as ours:
        for name in ("x", "x_test"):
            assert ours[name].dtype == np.float64
            assert np.abs(ours[name] - published[name]).max() <= 1e-15
        for name in ("y", "y_test"):
            assert np.array_equal(ours[name], published[name])
        assert np.array_equal(inputs[:, :, 0].numpy(), ours["x"].astype(np.float32)), "in their order"


def test_it_has_the_published_sizes(load):
    data = load(val_fraction=0)
    assert data.spec.input_shape == (40, 1) and data.spec.output_size == 10
    for part, samples in (("train", 4000), ("test", 1000)):
        inputs, targets = data.parts[part]
        assert inputs.shape == (samples, 40, 1) and inputs.dtype == torch.float32
        assert targets.shape == (samples,) and targets.dtype == torch.int64
        counts = torch.bincount(targets, minlength=10)
        assert len(counts) == 10 and (counts - samples / 10).abs().max() < 0.2 * samples / 10


def test_shuffled_positions_are_permuted_the_same_way_everywhere(load):
    order = np.random.RandomState(42).permutation(40)
    plain, shuffled = load(), load(shuffled=True)
    for part in ("train", "val", "test"):
        assert torch.equal(shuffled.parts[part][0], plain.parts[part][0][:, order])
        assert torch.equal(shuffled.parts[part][1], plain.parts[part][1])
