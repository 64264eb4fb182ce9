"""`predict` and `export-model` need nothing but the run folder, and say what is wrong with what they are given."""

import numpy as np
import polars
import pytest

from {{ cookiecutter.package_name }}.data.bundled import Bundled
from {{ cookiecutter.package_name }}.running.checkpoints import load_trained


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
        ({"area": [1.0], "heating": ["gas"]}, ("output=out.xlsx",), "the ending can be"),
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


def test_onnx_computes_the_same(houses, command):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    done = command("export-model", f"run={houses}", "format=onnx")
    assert done.status == 0, done.stderr
    inputs = np.array([[100, 1, 0], [50, 0, 1], [70, 0, 0]], dtype=np.float32)
    session = onnxruntime.InferenceSession(houses / "export" / "model.onnx")
    expected = load_trained(houses).task.predict_array(inputs)
    np.testing.assert_allclose(session.run(None, {"inputs": inputs})[0], expected, rtol=1e-5)


def test_what_cannot_be_exported_is_refused(train, command):
    folder = train("data=moons", "model=sklearn").folder
    for words, message in [(["format=pt2"], "computes outside torch"), (["format=onxn"], "Did you mean onnx?")]:
        done = command("export-model", f"run={folder}", *words)
        assert done.status == 2 and message in done.stderr, done.stderr


def test_new_rows_are_read_with_the_types_of_training(train, command):
    random = np.random.default_rng(0)
    zips = random.choice(["01069", "8001", "A1010"], 90)
    price = 1000.0 * (zips == "01069") + 5000.0 * (zips == "8001") + 9000.0 * (zips == "A1010")
    days = [f"{month:02}/{day:02}/2024" for month, day in random.integers(1, 13, (90, 2)) + [0, 16]]
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
    with open("new.csv", "w") as file:
        file.write("area,heating\n100,gas\n\n50,oil\n\n")
    done = command("predict", f"run={houses}", "input=new.csv", "output=out.csv")
    assert done.status == 0 and "2 blank lines are left out" in done.stderr
    assert polars.read_csv("out.csv").height == 2
