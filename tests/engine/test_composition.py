"""Jobs of a sweep are composed once for each choice of files, and are still what Hydra composes."""

import pickle
from copy import deepcopy
from functools import partial

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from hyperplane.composition.loader import CheckedLoader
from hyperplane.composition.sweep_loader import SweepLoader
from hyperplane.errors import UserError
from hyperplane.hydra_versions import DEFAULTS
from hyperplane.project import current
from hyperplane.run_folder.names import register_resolvers
from hyperplane.sweeps.notes import write_notes
from hyperplane.sweeps.restoring import OfJob, restored
from hyperplane.sweeps.sweep import check_job
from hyperplane.turns import Turn
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

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
    with initialize_config_dir(str(current().configs), **DEFAULTS):
        yield SweepLoader(GlobalHydra.instance().config_loader())


@pytest.fixture
def multirun(loader):
    return loader.load_configuration("train", ["hydra.verbose=false", "sweep=s", "model=mlp,cnn"], RunMode.MULTIRUN)


@pytest.fixture
def multirun_of(loader, multirun):
    """`multirun_of(job)` is one that the job may be of.

    Hydra 1.4 refuses a job that sets its sweeper otherwise than the multirun, and a file of experiment= may set it.
    """
    words = ["hydra.verbose=false", "sweep=s", "experiment=mnist1d_table"]
    table = loader.load_configuration("train", words, RunMode.MULTIRUN)
    return lambda job: table if job[0].startswith("experiment=") else multirun


def test_a_job_that_is_composed_in_a_copy_is_what_hydra_composes(loader, multirun_of):
    for job in JOBS + JOBS:  # the second time all are copies
        whole = multirun_of(job)
        ours, hydras = (one.load_sweep_config(whole, job) for one in (loader, super(SweepLoader, loader)))
        assert OmegaConf.to_yaml(ours) == OmegaConf.to_yaml(hydras)
        assert ours.hydra.overrides.hydra[0] == "hydra.verbose=false"
    assert set(loader.composed) == {("model=cnn",), ("model=mlp",), ()}


def test_a_job_that_travels_as_plain_values_is_what_hydra_composes(loader, multirun_of, tmp_path):
    known = {"now": {("%Y",): "1999"}}
    for job in JOBS + JOBS:  # the second time, configurations of jobs before are changed
        whole = multirun_of(job)
        values = loader.whole_values(whole, job)
        composed = super(SweepLoader, loader).load_sweep_config(whole, job)
        assert values == OmegaConf.to_container(composed)
        config = restored(values, known)
        assert OmegaConf.to_yaml(config) == OmegaConf.to_yaml(composed)
        assert OmegaConf.get_cache(config) == known
        with pytest.raises(OmegaConfBaseException):
            config.hydra.job.num = 7
        write_notes(values, tmp_path)
        notes = {path.stem: path.read_text() for path in tmp_path.iterdir()}
        assert notes["hydra"] == OmegaConf.to_yaml(OmegaConf.masked_copy(composed, ["hydra"]))
        assert notes["config"] == OmegaConf.to_yaml(
            OmegaConf.masked_copy(composed, [k for k in composed if k != "hydra"])
        )
        assert notes["overrides"] == OmegaConf.to_yaml(composed.hydra.overrides.task)


def test_a_configuration_that_is_changed_tells_1_from_true():
    for value in (1, True, 1.0, "1", None, [1], [True], "${b}", 1):
        config = restored({"a": value, "b": 5, "hydra": {"part": {"x": value}}}, {})
        found = OmegaConf.to_container(config)
        assert repr((found["a"], found["hydra"]["part"]["x"])) == repr((value, value))


def test_what_a_job_changes_in_its_configuration_does_not_reach_the_next():
    values = {"a": 1, "b": {"c": [1]}}
    first = restored(values, {})
    assert restored(values, {}) is first, "not made anew for nothing"
    first.a = True
    first.b.c.append(2)
    OmegaConf.set_readonly(first, True)
    assert repr(OmegaConf.to_container(restored(values, {}))) == repr(values)
    again = restored(values | {"a": 2}, {})
    again.a = 3
    assert restored(values, {}).a == 1


def test_jobs_that_take_turns_have_a_configuration_of_hydra_each():
    found = {}

    def work(number):
        of_job = OfJob({"hydra": {"job": {"num": number}, "again": "${hydra.job.num}"}}, {})
        early = of_job.hydra
        turns[number].ask("wait")
        found[number] = (early.job.num, early.again, of_job.hydra.again)

    turns = {number: Turn(partial(work, number), None, 2) for number in (1, 2)}
    for turn in (*turns.values(), *turns.values()):
        turn.go_on()
    assert found == {1: (1, 1, 1), 2: (2, 2, 2)}


def test_a_job_whose_values_are_checked_alone_has_the_settings_that_hydra_composes(loader, multirun, multirun_of):
    for job in [*JOBS, ["model=mlp", "model.hidden_sizes=[3,4]", "seed=2"], ["data.path=x", "data=table"]]:
        values = loader.job_values(multirun_of(job), job)
        composed = super(SweepLoader, loader).load_sweep_config(multirun_of(job), job)
        own = OmegaConf.masked_copy(composed, [key for key in composed if key != "hydra"])
        whole = OmegaConf.to_container(own, resolve=True)
        assert values is None or values == whole | {"sweep": values["sweep"]}, job
    plain = [["seed=3"], ["model=mlp", "optimizer.lr=0.1"], ["trainer.max_epochs=3", "model=cnn"]]
    assert all(loader.job_values(multirun, job) for job in plain)
    left_to_hydra = [
        ["+data.new=1"],
        ["seed=${oc.env:HOME}"],
        ["sed=1"],
        ["model={a: 1}"],
        ["hydra.verbose=true"],
        ["~model"],
    ]
    assert not any(loader.job_values(multirun, job) for job in left_to_hydra)


def test_what_a_checked_value_may_not_name_is_refused(loader, multirun):
    for setting in ("trainer._target_=os.system", "model._target_=os.system"):
        with pytest.raises(UserError, match=r"os\.system"):
            check_job([setting], multirun, loader)


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
