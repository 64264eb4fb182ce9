"""Folds: every sample is tested once; classes, groups and time are kept; seeds do not change them."""

import numpy as np
import polars
import pytest
import torch
from hyperplane.data.folds import blocks, fold_of_samples, strata, whole_groups
from hyperplane.data.tables.large_table import LargeTable
from hyperplane.data.tables.table import Table
from hyperplane.errors import UserError

from my_research.data.bundled import Bundled
from my_research.data.demand import Demand
from my_research.data.mnist1d import MNIST1D

RANDOM = np.random.default_rng(0)
LOADING = dict(batch_size=50, val_fraction=0.2, seed=0)
PARTS = ("train", "val", "test")


def ready(data):
    data.setup()
    return data


def rows(inputs):
    return [row.numpy().tobytes() for row in inputs]


@pytest.mark.parametrize("folds", [2, 3, 7])
@pytest.mark.parametrize("classes", [1, 2, 5])
def test_sizes_of_folds_and_of_each_class_in_them_differ_by_one_at_most(folds, classes):
    kinds = RANDOM.choice(classes, 101, p=np.arange(1, classes + 1) / np.arange(1, classes + 1).sum())
    counts = np.zeros((folds, classes), int)
    np.add.at(counts, (fold_of_samples(folds, kinds), kinds), 1)
    assert counts.sum() == 101
    assert np.ptp(counts.sum(axis=1)) <= 1 and np.ptp(counts, axis=0).max() <= 1


def test_folds_do_not_follow_the_order_of_the_samples():
    numbers = fold_of_samples(5, np.zeros(1000, int))
    assert np.bincount(numbers[:100], minlength=5).max() < 40 and not np.array_equal(
        numbers[:100] % 5, np.arange(100) % 5
    )


def test_labels_that_samples_have_together_are_dealt_out_as_classes_are():
    labels = (RANDOM.random((400, 3)) < [0.5, 0.2, 0.05]).astype(np.float32)
    numbers = fold_of_samples(4, strata(labels, "multilabel"))
    counts = np.array([labels[numbers == fold].sum(axis=0) for fold in range(4)])
    together = len(np.unique(labels, axis=0))
    assert np.ptp(counts, axis=0).max() <= together // 2
    assert len(np.unique(strata(labels, "multilabel"))) == together


def test_dense_targets_and_values_are_of_one_kind():
    assert not strata(np.ones((5, 4, 4), int), "classification").any()
    assert not strata(np.ones((5, 1), np.float32), "regression").any()


@pytest.mark.parametrize("folds", [2, 5])
def test_a_group_is_in_one_fold_and_folds_are_about_as_large_and_as_mixed(folds):
    groups = RANDOM.integers(0, 60, 600)
    groups = np.unique(groups, return_inverse=True)[1]
    kinds = (RANDOM.random(600) < 0.3).astype(int)
    numbers = fold_of_samples(folds, kinds, groups)
    assert all(len(set(numbers[groups == group])) == 1 for group in np.unique(groups))
    sizes = np.bincount(numbers)
    assert len(sizes) == folds and np.ptp(sizes) <= 600 / folds * 0.2
    shares = [kinds[numbers == fold].mean() for fold in range(folds)]
    assert np.ptp(shares) < 0.08


def test_as_many_groups_as_folds_have_one_each():
    groups = np.repeat(np.arange(4), [1, 50, 3, 7])
    assert sorted(fold_of_samples(4, groups % 2, groups)[np.unique(groups, return_index=True)[1]]) == [0, 1, 2, 3]


def test_fewer_groups_or_samples_than_folds_are_refused():
    with pytest.raises(UserError, match=r"data\.folds=3, but data\.group= makes only 2 groups"):
        fold_of_samples(3, np.zeros(20, int), np.arange(20) % 2)
    with pytest.raises(UserError, match=r"data\.folds=30, but there are only 20 samples"):
        fold_of_samples(30, np.zeros(20, int))


def test_whole_groups_are_held_out_close_to_their_share():
    groups = RANDOM.integers(0, 40, 1000)
    held_out = whole_groups(0.2, groups, seed=3, key="data.test_fraction")
    assert not set(groups[held_out]) & set(groups[~held_out])
    assert 0.17 < held_out.mean() < 0.23
    assert np.array_equal(held_out, whole_groups(0.2, groups, 3, ""))
    assert not np.array_equal(held_out, whole_groups(0.2, groups, 4, ""))
    assert whole_groups(0.01, np.array([0, 0, 1, 1]), 0, "").sum() == 2, "one group at least, and not all"
    assert whole_groups(0.99, np.array([0, 0, 1, 1]), 0, "").sum() == 2
    with pytest.raises(UserError, match=r"data\.val_fraction=0\.2 holds out whole groups, but there is only one group"):
        whole_groups(0.2, np.zeros(9, int), 0, "data.val_fraction")


@pytest.mark.parametrize("name", ["wine", "diabetes"])
def test_every_sample_of_a_data_set_is_tested_once(tmp_path, name):
    def fold(number, seed=0):
        folds = {} if number is None else {"folds": 4, "fold": number}
        return ready(Bundled(name=name, folder=str(tmp_path), **LOADING | {"seed": seed}, **folds))

    whole, parts = fold(None), [fold(number) for number in range(4)]
    every = sorted(row for part in PARTS for row in rows(whole.raw[part][0]))
    assert sorted(row for data in parts for row in rows(data.raw["test"][0])) == every
    for number, data in enumerate(parts):
        assert sorted(row for part in PARTS for row in rows(data.raw[part][0])) == every
        assert not {*rows(data.raw["test"][0])} & {*rows(data.raw["train"][0]), *rows(data.raw["val"][0])}
        other = fold(number, seed=1)
        assert torch.equal(other.raw["test"][0], data.raw["test"][0]), "the seed does not change the test"
        assert not torch.equal(other.raw["val"][0], data.raw["val"][0]), "but what is held out of the others"
    if name == "wine":
        counts = np.array([np.bincount(data.raw["test"][1], minlength=3) for data in parts])
        assert np.ptp(counts, axis=0).max() <= 1


def test_a_published_test_set_is_pooled_which_is_said(data_folder):
    from loguru import logger

    heard = []
    sink = logger.add(lambda message: heard.append(str(message)), level="INFO")
    try:
        data = ready(MNIST1D(folder=str(data_folder), **LOADING, folds=5, fold=4))
    finally:
        logger.remove(sink)
    assert [len(data.raw[part][0]) for part in PARTS] == [3200, 800, 1000]
    every = sum(torch.bincount(data.raw[part][1]) for part in PARTS)
    assert (torch.bincount(data.raw["test"][1]) - every / 5).abs().max() < 1
    assert (
        "Fold 4 of 0 to 4: 1000 of 5000 samples are the test. The data set's own 1000 test samples are pooled"
        in heard[0]
    )


@pytest.fixture
def table(tmp_path):
    """`table(folds=5, fold=0)` is a data set of 200 measurements of 30 patients."""
    patient = RANDOM.integers(0, 30, 200)
    kinds = np.where(RANDOM.random(200) < 0.3, "ill", "well")
    frame = polars.DataFrame({"number": np.arange(200.0), "patient": [f"p{i}" for i in patient], "state": kinds})
    frame.write_parquet(tmp_path / "own.parquet")

    def load(kind=Table, **settings):
        own = {"path": str(tmp_path / "own.parquet"), "target": "state", "standardize": True}
        loading = LOADING | own | settings
        data = ready(kind(**loading))
        return data, {part: data.raw[part][0][:, 0].long().numpy() for part in PARTS}

    load.patient, load.kinds = patient, kinds
    return load


def test_folds_of_a_table_are_stratified_and_encoded_by_their_own_training_rows(table):
    folds = [table(ignore=("patient",), folds=5, fold=fold) for fold in range(5)]
    assert sorted(row for _, parts in folds for row in parts["test"]) == list(range(200))
    ill = [(table.kinds[parts["test"]] == "ill").sum() for _, parts in folds]
    assert np.ptp(ill) <= 1
    for data, parts in folds:
        assert sorted(row for rows in parts.values() for row in rows) == list(range(200))
        assert data.scaling.input_mean[0].item() == pytest.approx(parts["train"].mean())
        assert len(parts["val"]) == 32


@pytest.mark.parametrize("settings", [{}, {"folds": 5, "fold": 2}, {"test_fraction": 0.4, "seed": 7}])
def test_no_group_is_on_two_sides(table, settings):
    data, parts = table(group="patient", **settings)
    groups = [{*table.patient[parts[part]]} for part in PARTS]
    assert all(groups) and not groups[0] & groups[1] and not groups[0] & groups[2] and not groups[1] & groups[2]
    assert data.spec.feature_names == ("number",), "the group itself is no feature"


def test_every_group_is_tested_once(table):
    tested = [{*table.patient[table(group="patient", folds=3, fold=fold)[1]["test"]]} for fold in range(3)]
    assert sorted(patient for patients in tested for patient in patients) == sorted({*table.patient})
    again = table(group="patient", folds=3, fold=0, seed=9)[1]
    assert {*table.patient[again["test"]]} == tested[0]


def test_a_split_column_that_tears_a_group_is_refused(tmp_path):
    frame = polars.DataFrame(
        {"x": range(8), "y": [0.5 * i for i in range(8)], "who": list("aabbccdd"), "part": ["train"] * 5 + ["test"] * 3}
    )
    frame.write_parquet(tmp_path / "torn.parquet")
    data = Table(path=str(tmp_path / "torn.parquet"), target="y", group="who", split_column="part", **LOADING)
    with pytest.raises(UserError, match=r"split_column=part puts who=c into train and into test"):
        data.setup()


def test_a_row_without_a_group_is_refused(tmp_path):
    frame = polars.DataFrame({"x": range(8), "y": [0.5 * i for i in range(8)], "who": [*"aabb", None, *"cdd"]})
    frame.write_parquet(tmp_path / "holes.parquet")
    with pytest.raises(UserError, match=r"data\.group=who: row 5 .* has no value"):
        ready(Table(path=str(tmp_path / "holes.parquet"), target="y", group="who", **LOADING))


def test_a_large_table_keeps_groups_whole_and_refuses_folds(table, tmp_path):
    own = {"path": str(tmp_path / "own.parquet"), "target": "state", "folder": str(tmp_path / "data"), **LOADING}
    data = ready(LargeTable(group="patient", standardize=False, **own))
    numbers = {part: data.arrays(part)[0][:, 0].round().astype(int) for part in PARTS}
    memory = table(group="patient")[1]
    assert {part: sorted(rows) for part, rows in numbers.items()} == {
        part: sorted(rows) for part, rows in memory.items()
    }
    with pytest.raises(UserError, match="data=large_table takes one target, no weights and no folds; data=table"):
        LargeTable(folds=3, fold=0, **own)


def test_blocks_of_time_follow_each_other_up_to_the_end():
    assert blocks(100, 4) == [(20, 40), (40, 60), (60, 80), (80, 100)]
    assert blocks(11, 2) == [(5, 8), (8, 11)], "what is left over is trained on"
    with pytest.raises(UserError, match=r"data\.folds=9, but there are only 9 time steps"):
        blocks(9, 9)


def test_a_fold_of_a_panel_never_sees_what_comes_later():
    windows = dict(num_series=3, num_steps=240, encoder_length=10, decoder_length=4, **LOADING)
    before, tested = 0, []
    for fold in range(5):
        data = ready(Demand(**windows, folds=5, fold=fold))
        first, last = (
            {part: data.rows.time[starts + offset] for part, starts in data.starts.items()} for offset in (10, 13)
        )
        assert first["test"].min() == 40 * (fold + 1) and last["test"].max() == 40 * (fold + 2) - 1
        assert last["train"].max() < data.first_val == first["val"].min() and last["val"].max() < first["test"].min()
        trained = data.rows.reals[data.rows.time < data.first_val]
        assert torch.allclose(data.scaling.input_mean, trained.double().mean(dim=0), rtol=1e-4)
        assert data.spec.train_size > before, "the window expands"
        before = data.spec.train_size
        tested.append({*data.starts["test"].tolist()})
        assert torch.equal(
            ready(Demand(**windows | {"seed": 3}, folds=5, fold=fold)).starts["test"], data.starts["test"]
        )
    assert len(set.union(*tested)) == sum(map(len, tested))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["data.fold=1"], "a fold is one of several: data.fold=1 needs data.folds, such as data.folds=5"),
        (["data.folds=3"], "a fold must be chosen. All of them: train -m data.folds=3 data.fold=0,1,2"),
        (["data.folds=3", "data.fold=3"], "there is no fold 3: they count from 0 to 2. All of them: train -m"),
        (["data.folds=1", "data.fold=0"], "data.folds=1 is not allowed: must be greater than or equal to 2"),
        (["data.fold=-1"], "data.fold=-1 is not allowed"),
        (
            ["data=table", "data.path=x.csv", "data.target=y", "data.split_column=s", "data.folds=2", "data.fold=0"],
            "split_column=s says which rows are the test, so folds must be null",
        ),
        (
            ["data=large_table", "data.path=x.csv", "data.target=y", "data.folds=2", "data.fold=0"],
            "data=large_table has no folds; use data=table",
        ),
    ],
)
def test_a_fold_that_is_not_there_is_refused(train, given, message):
    assert message in train(*given, status=2).stderr


def test_a_module_of_ones_own_is_refused_the_same():
    with pytest.raises(UserError, match="there is no fold 5: they count from 0 to 4"):
        MNIST1D(**LOADING, folds=5, fold=5)
    with pytest.raises(UserError, match=r"data\.folds=1: at least one fold is trained on, and one tested"):
        Demand(encoder_length=1, decoder_length=1, **LOADING, folds=1, fold=0)


def test_folds_are_jobs_of_a_multirun_and_are_evaluated_again(train, command):
    sweep = train("-m", "data=wine", "data.folds=3", "data.fold=0,1,2", "sweep=wine").folder
    jobs = sorted(path.parent for path in sweep.glob("*/summary.json"))
    assert len(jobs) == 3
    assert command("evaluate", f"run={jobs[1]}").stderr.count("as in summary.json") == 2
