"""Jobs of a sweep are composed once for each choice of files, and are still what Hydra composes."""

import pickle
from copy import deepcopy

import pytest
from hydra._internal.utils import create_config_search_path
from hydra.errors import HydraException
from hydra.types import RunMode
from hyperplane.command_line import register_resolvers
from hyperplane.errors import UserError
from hyperplane.project import current
from hyperplane.security import CheckedLoader
from hyperplane.sweeps.composition import SweepLoader
from omegaconf import OmegaConf

JOBS = [
    ["model=cnn", "optimizer.lr=0.1", "seed=1"],
    ["seed=2", "model=cnn", "optimizer.lr=0.2", "model.channels=[5]"],
    ["model=mlp", "model.hidden_sizes=[7,7]", "hydra.sweep.subdir=a"],
    ["model=mlp", "+model.more=3", "optimizer.lr=${seed}"],
    ["experiment=mnist1d_table", "model=rnn", "~early_stopping.min_delta"],
    ["seed=3"],
]


@pytest.fixture
def loader():
    register_resolvers()
    return SweepLoader(create_config_search_path(str(current().configs)))


@pytest.fixture
def multirun(loader):
    return loader.load_configuration("train", ["hydra.verbose=false", "sweep=s", "model=mlp,cnn"], RunMode.MULTIRUN)


def test_a_job_that_is_composed_in_a_copy_is_what_hydra_composes(loader, multirun):
    for job in JOBS + JOBS:  # the second time all are copies
        ours, hydras = (one.load_sweep_config(multirun, job) for one in (loader, super(SweepLoader, loader)))
        assert OmegaConf.to_yaml(ours) == OmegaConf.to_yaml(hydras)
        assert ours.hydra.overrides.hydra[0] == "hydra.verbose=false"
    assert set(loader.composed) == {("model=cnn",), ("model=mlp",), ()}


def test_twenty_jobs_cost_two_compositions(loader, multirun, monkeypatch):
    composed = []

    def compose(_, config, overrides):
        composed.append(overrides)
        return deepcopy(config)

    monkeypatch.setattr(CheckedLoader, "load_sweep_config", compose)
    for seed in range(20):
        job = loader.load_sweep_config(multirun, [f"model={('mlp', 'cnn')[seed % 2]}", f"seed={seed}"])
        assert job.seed == seed
    assert composed == [["model=mlp"], ["model=cnn"]]
    assert pickle.loads(pickle.dumps(loader)).composed == {}


def test_a_mistake_in_a_copy_is_told_as_always(loader, multirun):
    loader.load_sweep_config(multirun, ["model=mlp", "seed=1"])
    with pytest.raises(UserError, match=r"trainer\.profiler=.* is not allowed"):
        loader.load_sweep_config(multirun, ["model=mlp", "trainer.profiler=${oc.decode:x}"])
    with pytest.raises(HydraException, match="sed"):
        loader.load_sweep_config(multirun, ["model=mlp", "sed=1"])
