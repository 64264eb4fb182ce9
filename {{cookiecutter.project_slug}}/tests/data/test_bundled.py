"""Bundled data sets are those of scikit-learn, with the same test samples for every seed."""

import numpy as np
import pytest
import torch
from sklearn import datasets

from {{ cookiecutter.package_name }}.data.bundled import Bundled


@pytest.mark.parametrize("name", ["diabetes", "breast_cancer", "wine", "digits"])
def test_they_are_those_of_scikit_learn(made_once, name):
    found = getattr(datasets, f"load_{name}")()
    data, other = (Bundled(name=name, folder=str(made_once), seed=seed) for seed in (0, 1))
    data.setup()
    other.setup()
    parts = [data.arrays(part) for part in ("train", "val", "test")]
    inputs, targets = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
    scale = 16 if name == "digits" else 1
    ours = sorted(np.c_[inputs.reshape(len(inputs), -1) * scale, targets.reshape(-1)].tolist())
    assert np.allclose(ours, sorted(np.c_[found.data.astype(np.float32), found.target].tolist()))
    assert len(parts[2][0]) == len(found.data) // 5
    assert data.spec.class_names == tuple(map(str, getattr(found, "target_names", ())))
    assert torch.equal(data.raw["test"][0], other.raw["test"][0])
    assert not torch.equal(data.raw["val"][0], other.raw["val"][0])
