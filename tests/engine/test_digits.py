"""No digit is lost of what is large beside its spread: times, prices far from 0, wherever data enter."""

from datetime import datetime, timedelta

import numpy as np
import polars
import pytest
import torch
from hyperplane.data.scaling import Scaling
from hyperplane.data.spec import DataSpec
from hyperplane.data.tables.large_table import LargeTable
from hyperplane.data.tables.table import Table
from sklearn.metrics import r2_score

ROWS = 400
BASE = datetime(2024, 3, 1)
MEANS = {"seconds": 1_700_000_000, "price": 1e9}


@pytest.fixture
def frame():
    """Rows a second apart; their price is a line in time, far from 0."""
    second = np.random.default_rng(0).permutation(ROWS)
    return polars.DataFrame(
        {
            "seconds": MEANS["seconds"] + second,
            "moment": [BASE + timedelta(seconds=int(s)) for s in second],
            "kind": np.where(second % 2, "a", "b"),
            "price": MEANS["price"] + 0.01 * second,
            "class": np.where(second < ROWS / 2, "early", "late"),
        }
    )


def every_row(data):
    """The training rows as a step receives them: inputs, and targets."""
    batches = list(data.train_dataloader())
    return tuple(torch.cat(tensors).double().numpy() for tensors in zip(*batches, strict=True))


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("kind", [Table, LargeTable])
def test_rows_are_standardised_before_they_are_cast(frame, tmp_path, kind, ending):
    path = tmp_path / f"rows{ending}"
    frame.write_csv(path) if ending == ".csv" else frame.write_parquet(path)
    own = {"folder": str(tmp_path / "data")} if kind is LargeTable else {}
    data = kind(path=str(path), target="price", ignore=("class",), standardize=True, seed=0, **own)
    data.setup()
    inputs, targets = every_row(data)
    assert data.spec.feature_names == ("seconds", "moment days", "kind=a", "kind=b")
    raw, prices = data.arrays("train")
    seconds = raw[:, 0]
    np.testing.assert_allclose(
        np.sort(seconds - MEANS["seconds"]), np.sort(np.rint(seconds - MEANS["seconds"])), atol=1e-5
    )
    np.testing.assert_allclose(prices[:, 0] - MEANS["price"], 0.01 * (seconds - MEANS["seconds"]), atol=1e-6)
    expected = np.sort((seconds - seconds.mean()) / seconds.std())
    for values in (*inputs[:, :2].T, targets[:, 0]):
        np.testing.assert_allclose(np.sort(values), expected, atol=1e-5)
    np.testing.assert_allclose(inputs[:, 0], targets[:, 0], atol=1e-5)
    np.testing.assert_allclose(data.scaling.target_mean, prices.mean(), rtol=1e-12)


@pytest.mark.parametrize(
    "model", [("linear", "optimizer.lr=0.05"), ("sklearn",), ("sklearn", "model.estimator=LinearRegression")]
)
@pytest.mark.parametrize("column", ["seconds", "moment"])
def test_what_is_learned_of_a_time_is_predicted(frame, train, command, model, column):
    frame.select(column, "price").write_csv("rows.csv")
    done = train(
        f"model={model[0]}",
        *model[1:],
        "data=table",
        "data.path=rows.csv",
        "data.target=price",
        "trainer.max_epochs=60",
        "figures=true",
    )
    assert done.summary["metrics"]["test/r2"] > 0.99
    assert command("predict", f"run={done.folder}", "input=rows.csv", "output=out.csv").status == 0
    predicted = polars.read_csv("out.csv")["price"].to_numpy()
    assert r2_score(frame["price"] - MEANS["price"], predicted - MEANS["price"]) > 0.99


@pytest.mark.parametrize("data", ["table", "large_table"])
@pytest.mark.parametrize("settings", [("data.standardize=true",), ("data.standardize=false", "optimizer.lr=1e-3")])
def test_r2_of_a_target_far_from_zero_is_that_of_scikit_learn(train, command, data, settings):
    random = np.random.default_rng(1)
    x = random.normal(size=300)
    y = 1e6 + 100 * x + random.normal(0, 60, 300)
    parts = np.array(["train", "val", "test"])[random.choice(3, 300, p=[0.6, 0.1, 0.3])]
    rows = polars.DataFrame({"x": x, "part": parts, "y": y})
    rows.write_csv("rows.csv")
    done = train(
        "model=linear",
        f"data={data}",
        "data.path=rows.csv",
        "data.target=y",
        "data.split_column=part",
        "optimizer=adam",
        "optimizer.lr=0.05",
        "trainer.max_epochs=40",
        *settings,
    )
    test = rows.filter(part="test")
    test.write_csv("test.csv")
    assert command("predict", f"run={done.folder}", "input=test.csv", "output=out.csv").status == 0
    predicted = polars.read_csv("out.csv")["y"].to_numpy()
    expected = r2_score(test["y"], predicted)
    assert done.summary["metrics"]["test/r2"] == pytest.approx(expected, abs=1e-4 * max(1, abs(expected)))
    if settings == ("data.standardize=true",):
        assert 0.5 < expected < 0.9


def test_a_scaling_keeps_its_digits_in_any_precision():
    scaling = Scaling(DataSpec("regression", (1,), 1))
    values = torch.tensor([[1.7e9], [1.7e9 + 1]], dtype=torch.double)
    scaling.fit(values, values)
    for kind in (torch.bfloat16, torch.float16, torch.double, torch.float32):
        network = torch.nn.Sequential(scaling).to(kind)
        assert network(values).dtype == kind and network(values).flatten().tolist() == [-1, 1]
        assert scaling.to_units(torch.tensor([[-1.0], [1.0]])).flatten().tolist() == values.flatten().tolist()
    again = Scaling(DataSpec("regression", (1,), 1))
    again.load_state_dict(scaling.state_dict())
    assert again(values).dtype == torch.float32 and again(values).flatten().tolist() == [-1, 1]


def test_digits_that_are_lost_without_standardisation_are_named(frame, tmp_path, messages):
    frame.write_csv(tmp_path / "rows.csv")
    for standardize in (True, False):
        Table(
            path=str(tmp_path / "rows.csv"), target="price", ignore=("class",), standardize=standardize, seed=0
        ).setup()
        said = [message for message in messages if "digits are lost" in message]
        assert len(said) == (0 if standardize else 2)  # the moment is counted from the first one
    assert "seconds varies by" in said[0] and "around 1.7e+09: without data.standardize=true" in said[0]
    assert "price varies by" in said[1]
