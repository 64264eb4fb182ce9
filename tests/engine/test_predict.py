"""`predict` and `export-model` need nothing but the run folder, and say what is wrong with what they are given."""

from datetime import date
from pathlib import Path

import numpy as np
import polars
import pytest
import torch
from hyperplane.checkpoints.trained import load_trained
from hyperplane.commands.predict import predict_steps
from hyperplane.data.new_samples import as_inputs
from hyperplane.data.scaling import Scaling
from hyperplane.data.spec import DataSpec
from hyperplane.errors import UserError
from hyperplane.exporting import write_programs
from lightning.pytorch import LightningModule
from torch import nn

from my_research.data.bundled import Bundled
from my_research.tasks.classification import Classification
from my_research.tasks.regression import Regression


@pytest.fixture
def houses(train, tmp_path):
    """A run on a table; `houses.csv` is what it was trained on."""
    random = np.random.default_rng(0)
    area, heating = random.uniform(40, 200, 80), random.choice(["gas", "oil"], 80)
    rows = polars.DataFrame({"area": area, "heating": heating, "price": 3 * area + 50 * (heating == "oil")})
    rows.write_csv("houses.csv")
    return train(
        "data=table", "data.path=houses.csv", "data.target=price", "data.batch_size=8", "trainer.max_epochs=3"
    ).folder


def test_new_rows_of_a_table_are_predicted_without_the_old_ones(houses, command, tmp_path):
    (tmp_path / "houses.csv").unlink()
    new = polars.DataFrame({"extra": [1, 2, 3], "heating": ["gas", "coal", None], "area": [100.0, None, 50.0]})
    new.write_csv("new.csv")
    done = command("predict", f"run={houses}", "input=new.csv", "output=out/predictions.csv")
    assert done.status == 0, done.stderr
    assert "unknown category in heating ('coal', missing)" in done.stderr
    predictions = polars.read_csv("out/predictions.csv")
    assert predictions.columns == ["price"] and predictions.height == 3
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["predictions.csv"]
    inputs = np.array([[100, 1, 0]], dtype=np.float32)
    expected = load_trained(houses).task.predict_array(inputs)
    np.testing.assert_allclose(predictions["price"][0], expected[0, 0], rtol=1e-5)


def test_a_table_that_changed_is_not_tested_again(houses, command):
    done = command("evaluate", f"run={houses}")
    assert done.status == 0 and done.stderr.count("as in summary.json") == 4, done.stderr
    polars.read_csv("houses.csv").reverse().write_csv("houses.csv")
    done = command("evaluate", f"run={houses}")
    assert done.status == 2 and "has changed since" in done.stderr


def test_predictions_keep_the_order_of_the_rows(train, command):
    folder = train("data=wine", "model=linear").folder
    data = Bundled(name="wine", batch_size=50, val_fraction=0.1, seed=0)
    data.setup()
    inputs, _ = data.arrays("test")
    rows = polars.DataFrame(inputs, schema=list(data.spec.feature_names))
    rows.select(reversed(rows.columns)).write_parquet("new.parquet")
    done = command("predict", f"run={folder}", "input=new.parquet", "output=predictions.parquet")
    assert done.status == 0, done.stderr
    predictions = polars.read_parquet("predictions.parquet")
    expected = load_trained(folder).task.predict_array(inputs)
    np.testing.assert_allclose(predictions.drop("prediction").to_numpy(), expected, atol=1e-6)
    assert predictions["prediction"].to_list() == [data.spec.class_names[k] for k in expected.argmax(axis=1)]


def test_signals_are_read_from_numeric_columns_in_order(train, command):
    folder = train("model=cnn").folder
    signals = np.random.default_rng(0).normal(size=(4, 40)).astype(np.float32)
    polars.DataFrame(signals).with_columns(label=polars.lit("?")).write_csv("new.csv")
    done = command("predict", f"run={folder}", "input=new.csv")
    assert done.status == 0, done.stderr
    probabilities = polars.read_csv("predictions.csv").drop("prediction").to_numpy()
    expected = load_trained(folder).task.predict_array(signals[..., None])
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)


@pytest.mark.parametrize(
    "rows, words, message",
    [
        ({"heating": ["gas"]}, (), "no column 'area'"),
        ({"aera": [1.0], "heating": ["gas"]}, (), "Did you mean aera?"),
        ({"area": ["large"], "heating": ["gas"]}, (), "row 1 has 'large'"),
        ({"area": [1.0], "heating": ["gas"]}, ("output=new.csv",), "overwrite the input"),
        ({"area": [1.0], "heating": ["gas"]}, ("output=out.xlsx",), "its name must end in"),
        ({"area": [1.0], "heating": ["gas"]}, ("input=nwe.csv",), "Did you mean new.csv?"),
        ({"area": [1.0], "heating": ["gas"]}, ("run=runs",), "is not a run"),
        ({"area": [1.0], "heating": ["gas"]}, ("output=houses.csv/out.csv",), "cannot be written"),
    ],
)
def test_a_mistake_is_explained_and_writes_nothing(houses, command, tmp_path, rows, words, message):
    polars.DataFrame(rows).write_csv("new.csv")
    before = sorted(tmp_path.rglob("*"))
    done = command("predict", f"run={houses}", "input=new.csv", *words)
    assert done.status == 2 and message in done.stderr, done.stderr
    assert "Traceback" not in done.stderr and len(done.stderr.splitlines()) <= 2
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("words", [("data=moons", "model=mlp"), ("data=digits", "model=transformer"), ("model=cnn",)])
def test_a_torch_program_computes_the_same(train, command, words):
    import torch

    folder = train(*words, "trainer.max_steps=3").folder
    done = command("export-model", f"run={folder}", "format=pt2")
    assert done.status == 0 and "differs from the original by at most" in done.stderr
    task = load_trained(folder).task
    program = torch.export.load(folder / "export" / "model.pt2").module()
    inputs = torch.randn(3, *task.spec.input_shape)
    torch.testing.assert_close(program(inputs), task(inputs), atol=1e-5, rtol=0)


def test_what_cannot_be_exported_is_refused(train, command):
    folder = train("data=moons", "model=sklearn").folder
    for words, message in [(["format=pt2"], "computes outside torch"), (["format=onxn"], "Did you mean onnx?")]:
        done = command("export-model", f"run={folder}", *words)
        assert done.status == 2 and message in done.stderr, done.stderr


def test_tokens_are_read_as_whole_numbers():
    spec = DataSpec(input_shape=(2,), num_tokens=5)
    table = polars.DataFrame({"x1": [4, 0], "x2": [1.0, 2.0]})
    inputs = as_inputs(table, spec, Path("new.csv"))
    assert inputs.dtype == np.int64 and inputs.tolist() == [[4, 1], [0, 2]]
    for wrong in (5, -1, 0.5):
        with pytest.raises(UserError, match=f"tokens, whole numbers from 0 to 4, but row 2 has {wrong}"):
            as_inputs(table.with_columns(x2=polars.Series([1.0, wrong])), spec, Path("new.csv"))
    with pytest.raises(UserError, match="column 'x1' must hold numbers, but row 1 has datetime"):
        as_inputs(table.with_columns(x1=date(2024, 1, 1)), DataSpec(input_shape=(2,)), Path("new.parquet"))


class Doubled(LightningModule):
    """Names its inputs as it likes."""

    def __init__(self):
        super().__init__()
        self.affine = nn.Linear(3, 2)

    def forward(self, images):
        return 2 * self.affine(images)


class Choosy(Doubled):
    def forward(self, images):
        return images if images.sum() > 0 else super().forward(images)


def test_a_plain_lightning_module_is_exported_by_its_forward(tmp_path):
    task = Doubled().eval()
    paths = write_programs(task, DataSpec(input_shape=(3,)), tmp_path, ["pt2"])
    inputs = torch.randn(5, 3)
    torch.testing.assert_close(torch.export.load(paths["pt2"]).module()(inputs), task(inputs))
    with pytest.raises(UserError, match=r"Choosy.forward cannot be traced with inputs \(8, 3\)"):
        write_programs(Choosy(), DataSpec(input_shape=(3,)), tmp_path, ["pt2"])


class OneRow(Doubled):
    def predict_step(self, batch, batch_idx):
        first, *_ = batch
        return self(first)


class OfNames(Doubled):
    def predict_step(self, batch, batch_idx):
        return batch["images"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [(OneRow, "returned 2 predictions for 4 samples"), (OfNames, r"cannot take inputs \(4, 3\), .* IndexError: ")],
)
def test_a_predict_step_for_other_batches_is_told(kind, said):
    with pytest.raises(UserError, match=f"predict_step of {kind.__name__} {said}"):
        predict_steps(kind(), np.zeros((4, 3), np.float32))


class Counted(nn.Linear):
    """Makes a number of Python of the number of samples."""

    def forward(self, inputs):
        return super().forward(inputs) + inputs.new_ones(len(inputs), 1)


def test_a_network_that_cannot_be_traced_is_told_why(tmp_path):
    spec = DataSpec("regression", (3,), 1)
    task = Regression(Counted(3, 1), nn.MSELoss(), spec, Scaling(spec), None)
    with pytest.raises(UserError, match=r"Counted.forward cannot .*\n.* inputs.shape\[0\] and not len\(inputs\)"):
        write_programs(task, spec, tmp_path, ["pt2"])


class Beside(nn.Module):
    """Takes two inputs, as a network on graphs does."""

    def forward(self, features, edges):
        return edges * features


class Alone(Classification):
    """Says what the other input is of a sample alone."""

    def forward(self, inputs):
        return self.network(inputs, torch.full_like(inputs, 2))


def test_a_network_of_several_inputs_is_refused_unless_its_task_says_what_one_input_is(tmp_path):
    spec = DataSpec("classification", (3,), 3)
    task, alone = (kind(Beside(), nn.CrossEntropyLoss(), spec, Scaling(spec), None) for kind in (Classification, Alone))
    for refused in (task.require_one_input, lambda: write_programs(task, spec, tmp_path, ["pt2"])):
        with pytest.raises(UserError, match=r"Beside takes features, edges, and .*forward\(self, inputs\)"):
            refused()
    alone.require_one_input()
    inputs = torch.randn(5, 3)
    torch.testing.assert_close(torch.from_numpy(alone.predict_array(inputs.numpy())), 2 * inputs)
    paths = write_programs(alone, spec, tmp_path, ["pt2"])
    torch.testing.assert_close(torch.export.load(paths["pt2"]).module()(inputs), 2 * inputs)


def test_dense_classes_are_predicted_in_a_column_for_each_place():
    spec = DataSpec("classification", (2, 3, 1), 2, class_names=("ground", "shape"))
    task = Classification(nn.Identity(), nn.CrossEntropyLoss(), spec, Scaling(spec), None)
    shapes = np.array([[[0, 1, 0], [1, 1, 0]], [[0, 0, 0], [0, 0, 1]]])
    table = task.as_table(np.stack([1 - shapes, shapes], axis=1).astype(np.float32))
    assert table.columns == [f"prediction {place}" for place in range(1, 7)]
    assert table.rows() == [tuple(spec.class_names[place] for place in shape.flat) for shape in shapes]


def test_what_is_no_row_of_a_table_is_refused():
    spec = DataSpec("regression", (2, 3, 1), 1)
    task = Regression(nn.Identity(), nn.MSELoss(), spec, Scaling(spec), None)
    with pytest.raises(UserError, match=r"Regression predicts \(1, 2, 3\) for each sample.*as_table"):
        task.as_table(np.zeros((5, 1, 2, 3)))


def test_new_rows_are_read_with_the_types_of_training(train, command):
    random = np.random.default_rng(0)
    zips = random.choice(["01069", "8001", "A1010"], 90)
    price = 1000.0 * (zips == "01069") + 5000.0 * (zips == "8001") + 9000.0 * (zips == "A1010")
    days = [f"{month:02}/{day:02}/2024" for month, day in random.integers([1, 17], [13, 29], (90, 2))]
    size = random.integers(1, 9, 90)
    rows = polars.DataFrame({"zip": zips, "day": days, "size": size, "price": price + 2.5 * size})
    rows.write_csv("rows.csv")
    settings = ("data.path=rows.csv", "data.target=price", "optimizer.lr=0.1", "trainer.max_epochs=60")
    folder = train("data=table", "model=linear", *settings).folder
    rows.write_csv("all.csv")
    assert command("predict", f"run={folder}", "input=all.csv", "output=all_out.csv").status == 0
    expected = polars.read_csv("all_out.csv")["price"]
    for code in ("01069", "8001"):  # alone, its file looks as if it held numbers
        (picked,) = (rows["zip"] == code).arg_true().head(1)
        rows[picked].write_csv("new.csv")
        done = command("predict", f"run={folder}", "input=new.csv", "output=out.csv")
        assert done.status == 0 and "unknown" not in done.stderr, done.stderr
        assert polars.read_csv("out.csv")["price"][0] == pytest.approx(expected[picked], rel=1e-5)
    polars.DataFrame({"zip": ["8001"], "day": ["31/12/2024"], "size": [3]}).write_csv("new.csv")
    done = command("predict", f"run={folder}", "input=new.csv", "output=none.csv")
    assert done.status == 2 and "column 'day' holds dates in the order month-day-year" in done.stderr, done.stderr
    assert "row 1 has '31/12/2024'" in done.stderr


def test_a_blank_line_gets_no_prediction(houses, command):
    Path("new.csv").write_text("area,heating\n100,gas\n\n50,oil\n\n", encoding="utf-8")
    done = command("predict", f"run={houses}", "input=new.csv", "output=out.csv")
    assert done.status == 0 and "2 blank lines are left out" in done.stderr
    assert polars.read_csv("out.csv").height == 2


def test_where_the_data_state_no_shape_a_row_is_a_sample():
    rows = polars.DataFrame({"name": ["a", "b"], "x": [1, 2], "y": [0.5, 1.5], "z": [3.0, 4.0]})
    np.testing.assert_array_equal(as_inputs(rows, DataSpec(), Path("new.csv")), [[1, 0.5, 3], [2, 1.5, 4]])
