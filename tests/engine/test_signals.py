"""Signals from files: what each format says, what is padded, missing or drawn, and every command on them."""

import re

import numpy as np
import polars
import pytest
import torch
from hyperplane.data.scaling import Scaling
from hyperplane.data.signals.arrays import Roles, lengths_of
from hyperplane.data.signals.files import read_signals
from hyperplane.data.signals.signals import Signals
from hyperplane.data.spec import DataSpec
from hyperplane.errors import UserError

HEADER = """# A comment
@problemName Made
@timestamps false
@{classes} true a b
@Data
"""
NO_ROLES = Roles(None, None, (), ())


def waves(samples=40, positions=30, channels=2, seed=0):
    """Signals of two classes, slow and fast, and their classes."""
    random = np.random.default_rng(seed)
    classes = np.arange(samples) % 2
    phases = np.arange(positions) * (0.3 + 0.5 * classes[:, None]) + random.uniform(0, 6, (samples, 1))
    values = np.sin(phases)[..., None] * [3.0, 1.0][:channels] + [10.0, 0.0][:channels]
    return values + random.normal(0, 0.2, values.shape), classes


def ragged(values):
    """The same, of which every third ends before."""
    values = values.copy()
    values[::3, len(values[0]) // 2 :] = np.nan
    return values


def long_table(values, classes):
    """Signals as the rows of a table, in no order."""
    lengths = lengths_of(values)
    rows = [
        {"id": f"s{i:02}", "t": 2 * t, "x": values[i, t, 0], "y": values[i, t, 1], "kind": ["slow", "fast"][classes[i]]}
        for i in range(len(values))
        for t in range(lengths[i])
    ]
    return polars.DataFrame(rows).sample(fraction=1, shuffle=True, seed=0)


def loaded(path, **options):
    data = Signals(path=str(path), seed=0, **options)
    data.setup()
    return data


@pytest.mark.parametrize("label", ["classLabel", "classlabel", "CLASSLABEL"])
def test_a_ts_file_is_read_in_each_spelling_of_its_header(tmp_path, label):
    path = tmp_path / "made.ts"
    path.write_text(HEADER.format(classes=label) + "1,2, 3:4,5,6:a\n\n7,?:8,9:b\n")
    file = read_signals(path, NO_ROLES, "data.path")
    assert file.lengths.tolist() == [3, 2] and file.columns["label"].to_list() == ["a", "b"]
    np.testing.assert_equal(file.values[1], [[7, 8], [np.nan, 9], [np.nan, np.nan]])
    path.write_text(HEADER.format(classes=label) + "1,2:4,5:a\n7,8:8,9:B\n")
    with pytest.raises(UserError, match=r"line \d+ ends in the class 'B', which is not in @classLabel: a, b. .* b\?"):
        read_signals(path, NO_ROLES, "data.path")
    path.write_text("@targetlabel true\n@timeStamps True\n@data\n(2007-01-01 00:00:00,1),(2007-01-01 00:01:00,2):0.5\n")
    file = read_signals(path, NO_ROLES, "data.path")
    assert file.values.tolist() == [[[1], [2]]] and file.columns["label"].to_list() == [0.5]


def test_a_header_of_a_ts_file_may_have_gaps_but_the_label_of_a_regression_is_a_number(tmp_path):
    path = tmp_path / "made.ts"
    path.write_text("@\n@targetlabel\n@timestamps\n@data\n1,2:3,4\n")
    file = read_signals(path, NO_ROLES, "data.path")
    assert file.values.tolist() == [[[1, 3], [2, 4]]] and not file.columns.columns
    path.write_text("@targetlabel true\n@data\n1,2:?\n\n3,4:0.5\n5,6:hot\n7,8:cold\n")
    with pytest.raises(UserError, match=r"made\.ts: line 6 ends in 'hot', and @targetlabel promises a number"):
        read_signals(path, NO_ROLES, "data.path")
    path.write_text("@targetlabel true\n@data\n1,2:?\n3,4:0.5\n")
    assert read_signals(path, NO_ROLES, "data.path").columns["label"].to_list() == [None, 0.5]


def test_a_long_table_is_the_same_as_an_archive(tmp_path):
    values, classes = waves()
    values = ragged(values)
    np.savez(tmp_path / "made.npz", X=values, y=np.array(["slow", "fast"])[classes])
    for name in ("made.csv", "made.parquet"):
        table = long_table(values, classes)
        table.write_csv(tmp_path / name) if name.endswith("csv") else table.write_parquet(tmp_path / name)
        file = read_signals(tmp_path / name, Roles("id", "t", ("x", "y"), ("kind",)), "data.path")
        of_id = np.argsort(file.columns["id"].to_numpy())
        np.testing.assert_allclose(file.values[of_id], values)
        assert file.columns["kind"].to_numpy()[of_id].tolist() == np.array(["slow", "fast"])[classes].tolist()


def test_columns_without_a_role_stop_no_table_and_01_is_another_signal_than_1(tmp_path, messages):
    rows = [(name, t, t % 3 + len(name), len(name), "01/02/2024") for name in ("1", "01", "2", "002") for t in range(5)]
    table = polars.DataFrame(rows, schema=["id", "t", "x", "kind", "recorded"], orient="row")
    table.with_row_index("").write_csv(tmp_path / "signals.csv")
    file = read_signals(tmp_path / "signals.csv", Roles("id", "t", (), ("kind",)), "data.path")
    assert file.columns["id"].to_list() == ["1", "01", "2", "002"]
    assert file.channels == ("x",) and file.values.shape == (4, 5, 1), "the rows' numbers are no channel"
    (said,) = (line for line in messages if "cannot be told apart" in line)
    assert "'recorded'" in said and "data.day_first" not in said, "data=signals has no such setting"


def test_channels_are_standardised_by_the_training_signals_without_padding(tmp_path):
    values, classes = waves(60)
    np.savez(tmp_path / "made.npz", X=ragged(values).astype(np.float32), y=classes)
    data = loaded(tmp_path / "made.npz")
    assert data.spec.has_mask and data.spec.input_shape == (30, 2)
    inputs, mask, targets = next(iter(data.train_dataloader()))
    assert inputs[mask].mean(dim=0).tolist() == pytest.approx([0, 0], abs=1e-5)
    assert inputs[mask].std(dim=0, correction=0).tolist() == pytest.approx([1, 1], abs=1e-5)
    assert not inputs[~mask].any() and mask.sum(dim=1).unique().tolist() == [15, 30] and targets.dtype == torch.long
    assert data.scaling.input_mean.dtype == torch.double and data.scaling.input_mean.shape == (2,)
    assert len(data.parts["test"][0]) == 12 and not loaded_equal(tmp_path, values, classes).spec.has_mask


def loaded_equal(tmp_path, values, classes):
    np.savez(tmp_path / "equal.npz", X=values, y=classes)
    return loaded(tmp_path / "equal.npz")


def test_what_is_missing_is_named_and_filled_on_request(tmp_path):
    values, classes = waves(channels=1)
    values[3, [0, 7, 8], 0] = np.nan, np.inf, np.nan
    np.savez(tmp_path / "made.npz", X=values, y=classes)
    with pytest.raises(
        UserError, match=r"3 values of 1200 are missing, in 1 of 40 .* signal 4, position 1, channel 1\.\n.*fill"
    ):
        loaded(tmp_path / "made.npz")
    data = loaded(tmp_path / "made.npz", fill=True, shuffle=False, val_fraction=0.0)
    everything = np.concatenate([data.arrays(part)[0] for part in ("train", "test")])
    (row,) = np.flatnonzero(everything[:, :, 1].any(axis=1))
    expected = values[3, :, 0].copy()
    expected[[0, 7, 8]] = expected[[1, 6, 6]]
    assert everything[row, :, 0].tolist() == expected.tolist()
    assert np.flatnonzero(everything[row, :, 1]).tolist() == [0, 7, 8]


def test_a_part_that_is_drawn_may_have_one_signal(tmp_path):
    values, classes = waves(samples=12)
    np.savez(tmp_path / "few.npz", X=values, y=classes)
    assert [len(samples[0]) for samples in loaded(tmp_path / "few.npz").parts.values()] == [9, 1, 2]


def test_folds_and_groups_keep_what_belongs_together(tmp_path):
    values, classes = waves()
    patients = np.arange(40) // 4
    np.savez(tmp_path / "made.npz", X=values, y=classes, patient=patients)
    tested = []
    for fold in range(3):
        data = loaded(tmp_path / "made.npz", group="patient", folds=3, fold=fold)
        parts = [
            {patients[np.abs(values - one).sum(axis=(1, 2)).argmin()] for one in data.arrays(p)[0]} for p in data.raw
        ]
        assert not (parts[0] & parts[1] or parts[0] & parts[2] or parts[1] & parts[2])
        tested += parts[2]
    assert sorted(tested) == list(range(10))


@pytest.mark.parametrize("model", ["linear", "cnn", "rnn", "rocket model.num_features=84", "sklearn"])
def test_every_command_takes_signals_of_unequal_lengths(train, command, tmp_path, model):
    values, classes = waves()
    long_table(ragged(values), classes).write_csv("train.csv")
    long_table(ragged(waves(12, seed=1)[0])[:, :25], classes[:12]).drop("kind").write_csv("new.csv")
    columns = ("data.path=train.csv", "data.series=id", "data.position=t", "data.target=kind")
    run = train("data=signals", *columns, *f"model={model}".split(), "figures=true").folder
    assert (run / "figures/signals.png").is_file()
    done = command("evaluate", f"run={run}", "part=val")
    assert done.status == 0 and "as in summary.json" in done.stderr
    done = command("predict", f"run={run}", "input=new.csv", "output=out.csv")
    assert done.status == 0, done.stderr
    out = polars.read_csv("out.csv")
    assert out.columns == ["id", "prediction", "probability fast", "probability slow"] and out.height == 12
    if model != "sklearn":
        done = command("export-model", f"run={run}", "format=pt2")
        assert done.status == 0, done.stderr
    long_table(waves(12, positions=31)[0], classes[:12]).write_csv("new.csv")
    done = command("predict", f"run={run}", "input=new.csv", "output=out2.csv")
    assert (
        done.status == 2 and "signal 1 has 31 positions; the model was trained on signals of at most 30" in done.stderr
    )


def test_values_are_a_regression_of_signals_in_another_file(train, tmp_path):
    for name, samples in (("train", 40), ("test", 15)):
        values, _ = waves(samples)
        np.savez(tmp_path / f"{name}.npz", X=ragged(values), y=values[:, 0, 0] * 100)
    done = train("data=signals", "data.path=train.npz", "data.test_path=test.npz", "model=linear", "figures=true")
    assert "regression of y" in done.stderr and "36 train, 4 val, 15 test" in done.stderr
    assert (done.folder / "figures/residuals.png").is_file() and done.summary["metrics"]["test/r2"] > -10


@pytest.mark.parametrize(
    ("arrays", "words", "message"),
    [
        ({"X": np.array([np.zeros(2), np.zeros(3)], dtype=object)}, (), "Pad signals of unequal lengths with NaN"),
        ({"X": np.zeros((9, 1, 40))}, (), "1 position of 40 channels.*axes of X are samples, positions, channels"),
        ({"Z": np.zeros((9, 5))}, (), "has no array X .*; it has: Z"),
        ({"X": np.zeros((9, 5))}, (), r"data.target=y is not in .* it has: nothing"),
        ({"X": np.zeros((9, 5)), "label": np.arange(9)}, ("data.target=lable",), "Did you mean label"),
        ({"X": np.zeros((9, 5)), "y": np.zeros(8)}, (), r"y has the shape \(8,\), and X has 9 samples"),
        ({"X": np.zeros((9, 5)), "y": np.array([b"caf\xe9"] * 9)}, (), "y holds bytes that are no UTF-8"),
    ],
)
def test_an_archive_that_does_not_fit_is_refused_in_a_sentence(train, tmp_path, arrays, words, message):
    np.savez(tmp_path / "made.npz", **arrays)
    done = train("data=signals", "data.path=made.npz", "model=linear", *words, status=2)
    assert re.search(message, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("change", "words", "message"),
    [
        (lambda t: t, (), "data.series= names the column"),
        (lambda t: t, ("data.series=ids",), "data.series=ids is not a column of .* Did you mean id"),
        (lambda t: t.vstack(t[:1]), ("data.series=id", "data.position=t"), "has two rows at"),
        (
            lambda t: t.with_columns(kind=polars.Series(["slow", "fast"] * (t.height // 2))),
            ("data.series=id",),
            "kind must be the same in all rows of a signal, and signal s.. has",
        ),
    ],
)
def test_a_table_that_does_not_fit_is_refused_in_a_sentence(train, tmp_path, change, words, message):
    change(long_table(*waves())).write_csv("made.csv")
    done = train("data=signals", "data.path=made.csv", "data.target=kind", "model=linear", *words, status=2)
    assert re.search(message, done.stderr), done.stderr


def test_a_model_without_a_mask_is_refused(train, tmp_path):
    values, classes = waves()
    np.savez(tmp_path / "made.npz", X=ragged(values), y=classes)
    done = train("data=signals", "data.path=made.npz", "model=svm", status=2)
    assert "different lengths, but SVM takes no mask" in done.stderr


def test_padding_stays_zero_and_masked(tmp_path):
    scaling = Scaling(DataSpec("classification", (3, 1), 2, has_mask=True))
    scaling.input_mean, scaling.input_std = torch.tensor([5.0]), torch.tensor([2.0])
    inputs, mask = scaling(torch.tensor([[[7.0], [float("nan")], [float("nan")]]]))
    assert inputs.flatten().tolist() == [1, 0, 0] and mask.tolist() == [[True, False, False]]
