"""`predict` continues the series of a panel: the same quantiles as for a window of the data set itself."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars
import pytest
import torch
from hyperplane.checkpoints.trained import load_trained
from hyperplane.data.panels.panel import Panel

WINDOW = {"encoder_length": 6, "decoder_length": 2}
COLUMNS = {"time": "day", "target": "sales", "groups": ("shop",), "known_reals": ("price",)}


@pytest.fixture
def sales(tmp_path):
    """Two shops, 50 days each; a temperature that is missing on the first days of shop b."""
    random = np.random.default_rng(0)
    rows = [
        {"shop": shop, "day": date(2026, 1, 1) + timedelta(day), "price": float(random.uniform(1, 2))}
        | {"temperature": None if shop == "b" and day < 3 else float(day % 9), "sales": float(random.normal(50, 5))}
        for shop in "ab"
        for day in range(50)
    ]
    return polars.DataFrame(rows)


@pytest.fixture
def run(sales, train):
    """A run of one epoch on these sales."""
    sales.write_csv("sales.csv")
    columns = ["data.time=day", "data.target=sales", "data.groups=[shop]", "data.known_reals=[price]"]
    windows = [f"data.{name}={value}" for name, value in WINDOW.items()]
    return train(
        "data=panel", "data.path=sales.csv", *columns, "data.observed_reals=[temperature]", *windows, "model=tft"
    ).folder


def test_the_last_steps_are_forecast_as_from_the_data_set(run, sales, command, tmp_path):
    data = Panel(
        path="sales.csv", **COLUMNS, observed_reals=("temperature",), **WINDOW, batch_size=9, val_fraction=0.2, seed=0
    )
    data.setup()
    task = load_trained(run).task
    last = torch.tensor([50 - 8, 100 - 8])
    expected = task(*data.raw_windows(last)[:-1]).detach().numpy()

    (tmp_path / "sales.csv").unlink()
    is_future = polars.col("day") >= date(2026, 1, 1) + timedelta(48)
    new = sales.with_columns(sales=polars.when(is_future).then(None).otherwise("sales")).filter(
        polars.col("day") >= date(2026, 1, 20)
    )
    shuffled = new.sample(fraction=1.0, shuffle=True, seed=1)
    shuffled.write_csv("new.csv")
    done = command("predict", f"run={run}", "input=new.csv")
    assert done.status == 0, done.stderr
    predictions = polars.read_csv("predictions.csv")
    assert predictions.columns == ["shop", "day", "q0.1", "q0.5", "q0.9"]
    assert predictions.select("shop", "day").rows() == shuffled.select("shop", polars.col("day").cast(str)).rows()
    assert f"4 predictions, for that many of {len(shuffled)} rows, in predictions.csv" in done.stderr
    together = polars.concat([shuffled, predictions.drop("shop", "day")], how="horizontal").sort("shop", "day")
    assert together.filter(~is_future)["q0.5"].null_count() == len(together) - 4
    found = together.filter(is_future).select("q0.1", "q0.5", "q0.9").to_numpy().reshape(2, 2, 3)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_a_series_without_enough_rows_is_named(run, sales, command):
    new = sales.tail(8).with_columns(sales=polars.Series([1.0] * 6 + [None] * 2))
    short = sales.head(3)
    polars.concat([short, new]).write_csv("new.csv")
    done = command("predict", f"run={run}", "input=new.csv")
    assert done.status == 0 and "Not forecast: a: a series needs 6 rows with sales" in done.stderr, done.stderr
    assert polars.read_csv("predictions.csv")["q0.5"].null_count() == 9
    for table, message in [(short, "None of 1 series has them"), (new.drop("price"), "no column 'price'")]:
        table.write_csv("new.csv")
        done = command("predict", f"run={run}", "input=new.csv")
        assert done.status == 2 and message in done.stderr, done.stderr


def test_rows_of_other_steps_than_those_of_training_are_refused(run, sales, command):
    last = sales.tail(8).with_columns(sales=polars.Series([1.0] * 6 + [None] * 2))
    start = date(2026, 1, 1)
    hours = polars.Series("day", [datetime(2026, 1, 1) + timedelta(hours=i) for i in range(8)])
    for days, message in (
        (polars.Series("day", [start + timedelta(7 * i) for i in range(8)]), "comes 7 steps after 2026-01-01"),
        (hours, "day=2026-01-01 02:00:00 of b falls between them"),
        (polars.Series("day", [start + timedelta(i // 2) for i in range(8)]), "has two rows for b in the step of day="),
    ):
        last.with_columns(days).write_csv("new.csv")
        done = command("predict", f"run={run}", "input=new.csv", "output=never.csv")
        assert done.status == 2 and not Path("never.csv").exists(), done.stderr
        assert "trained on steps of 1 day" in done.stderr and message in done.stderr, done.stderr
    last.with_columns(polars.Series("day", range(8))).write_csv("new.csv")
    done = command("predict", f"run={run}", "input=new.csv", "output=never.csv")
    assert done.status == 2 and not Path("never.csv").exists(), done.stderr
    assert "as in training, but row 1 has '0'" in done.stderr, done.stderr


def test_a_value_that_should_be_known_in_advance_is_asked_for(run, sales, command):
    new = sales.tail(8).with_columns(sales=polars.Series([1.0] * 6 + [None] * 2))
    new.write_csv("new.csv")
    quiet = command("predict", f"run={run}", "input=new.csv")
    assert quiet.status == 0 and "missing values" not in quiet.stderr
    price = [None, *new["price"][1:7], None]
    new.with_columns(price=polars.Series(price)).write_csv("new.csv")
    done = command("predict", f"run={run}", "input=new.csv")
    assert done.status == 0
    assert "price: 2 missing values take the last one before. 1 of them should be known in advance" in done.stderr
    assert f"such as that of b at {new['day'][7]}" in done.stderr


def german(sales):
    """Return the sales as some offices write them: 31.01.2026;2,5;--."""
    numbers = [
        polars.col(name).cast(polars.String).str.replace(".", ",", literal=True)
        for name in ("price", "temperature", "sales")
    ]
    return sales.with_columns(polars.col("day").dt.strftime("%d.%m.%Y"), *numbers).fill_null("--")


SPOKEN = ["data.day_first=true", "data.decimal=comma", "data.missing=[k.A.]"]


def test_new_rows_are_read_as_those_of_training(sales, train, command):
    codes = sales.with_columns(shop=polars.col("shop").replace_strict({"a": 1, "b": 2}))
    german(codes).with_columns(polars.col("temperature").replace("--", "k.A.")).write_csv("sales.csv", separator=";")
    columns = ["data.time=day", "data.target=sales", "data.groups=[shop]", "data.known_reals=[price]"]
    windows = [f"data.{name}={value}" for name, value in WINDOW.items()]
    words = ["data=panel", "data.path=sales.csv", *columns, "data.observed_reals=[temperature]", *windows, "model=tft"]
    spoken = train(*words, *SPOKEN).folder
    codes.write_csv("sales.csv")
    plain = train(*words).folder
    # Of these alone nothing tells the day from the month, and a comma could separate thousands.
    new = codes.filter(polars.col("day").is_between(date(2026, 2, 1), date(2026, 2, 8)))
    new = new.with_columns(
        sales=polars.when(polars.col("day") < date(2026, 2, 7)).then("sales"), price=1.125, temperature=3.0
    )
    for run, rows, name in ((spoken, german(new), "spoken"), (plain, new, "plain")):
        rows.write_csv("new.csv", separator=";" if name == "spoken" else ",")
        done = command("predict", f"run={run}", "input=new.csv", f"output={name}.csv")
        assert done.status == 0, done.stderr
        assert "does not occur" not in done.stderr
    found, expected = polars.read_csv("spoken.csv"), polars.read_csv("plain.csv")
    assert found["q0.5"].drop_nulls().len() == 4
    assert found.drop("day").equals(expected.drop("day"))
    wrong = german(new).with_columns(day=polars.lit("02/01/2026"))
    wrong.write_csv("new.csv", separator=";")
    said = command("predict", f"run={spoken}", "input=new.csv").stderr
    assert (
        "column 'day' holds dates in the order day-month-year (%d.%m.%Y), as in training, but row 1 has '02/01/2026'"
        in said
    )


def test_a_panel_asks_for_the_order_of_day_and_month(sales, train):
    first = sales.filter(polars.col("day") < date(2026, 1, 13))
    first.with_columns(polars.col("day").dt.strftime("%d/%m/%Y")).write_csv("sales.csv")
    columns = ["data.time=day", "data.target=sales", "data.groups=[shop]", "model=tft"]
    windows = ["data.encoder_length=2", "data.decoder_length=1"]
    said = train("data=panel", "data.path=sales.csv", *columns, *windows, status=2).stderr
    assert "data.day_first=true" in said
    train("data=panel", "data.path=sales.csv", *columns, *windows, "data.day_first=true")
