"""Your own panel: read as it stands, in stretches without gaps, and a sentence for what is wrong with it."""

from datetime import date, timedelta

import polars
import pytest
import torch
from hyperplane.data.panels.categories import UNKNOWN, numbers_of
from hyperplane.data.panels.future import new_rows
from hyperplane.data.panels.panel import Panel
from hyperplane.errors import UserError
from loguru import logger

DAYS = 60
COLUMNS = dict(time="day", target="sales", groups=("shop",), known_reals=("price",), known_categoricals=("weekday",))
WINDOWS = dict(batch_size=50, val_fraction=0.2, encoder_length=6, decoder_length=2, seed=0)


@pytest.fixture
def table():
    shops, days = ["north", "south"], [date(2025, 1, 1) + timedelta(days=i) for i in range(DAYS)]
    return polars.DataFrame(
        {
            "shop": [shop for shop in shops for _ in days],
            "day": days * 2,
            "weekday": [str(day.weekday()) for day in days] * 2,
            "price": [float(i % 5) for i in range(2 * DAYS)],
            "sales": [float(i) for i in range(2 * DAYS)],
        }
    )


@pytest.fixture
def load(tmp_path):
    def load(table, ending="csv", **settings):
        path = tmp_path / f"sales.{ending}"
        table.write_parquet(path) if ending == "parquet" else table.write_csv(path)
        data = Panel(path=str(path), **(COLUMNS | WINDOWS | settings))
        data.setup()
        return data

    return load


def replace(table, column, value, row):
    values = table[column].to_list()
    values[row] = value
    return table.with_columns(polars.Series(column, values))


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_rows_are_ordered_by_series_and_time(table, load, ending):
    data = load(table.sample(fraction=1.0, shuffle=True, seed=0), ending)
    assert data.rows.reals[:, -1].tolist() == table["sales"].to_list()
    assert data.rows.time.tolist() == [*range(DAYS)] * 2
    assert data.series_names == ("north", "south")
    assert data.spec.static_categoricals == ("shop",)
    assert data.spec.cardinalities == {"shop": 3, "weekday": 8}


def test_no_window_spans_a_gap(table, load):
    gone = table.filter(polars.col("day") != date(2025, 1, 20))
    missing = replace(table, "sales", None, 19)
    for data, gaps in ((load(gone), 2), (load(missing), 1)):
        length = WINDOWS["encoder_length"] + WINDOWS["decoder_length"]
        for starts in data.starts.values():
            assert (data.rows.time[starts + length - 1] - data.rows.time[starts] == length - 1).all()
        assert len(data.series_names) == 2 + gaps


def test_months_are_even_steps(table, load):
    months = [date(2015 + i // 12, 1 + i % 12, 1) for i in range(DAYS)] * 2
    assert load(table.with_columns(polars.Series("day", months))).rows.time.tolist() == [*range(DAYS)] * 2


def test_series_differ_in_any_group_also_where_the_names_read_the_same(table, load):
    pairs = {"north": ("New", "York A"), "south": ("New York", "A")}
    table = table.with_columns(
        shop=polars.Series([pairs[shop][0] for shop in table["shop"]]),
        item=polars.Series([pairs[shop][1] + " " * (i % 2) for i, shop in enumerate(table["shop"])]),  # stray blanks
    )
    data = load(table, "parquet", groups=("shop", "item"))
    assert data.series_names == ("New / York A", "New York / A")
    assert data.rows.series.tolist() == [0] * DAYS + [1] * DAYS


def test_groups_and_categories_are_what_is_written(table, load):
    codes = {"north": "01", "south": "1"}
    table = table.with_columns(shop=polars.Series([codes[shop] for shop in table["shop"]]))
    data = load(table.with_columns(weekday=polars.concat_str(polars.lit("0"), "weekday")))
    assert data.series_names == ("01", "1") and data.categories["shop"] == ["01", "1"]
    assert data.categories["weekday"][0] == "00"
    assert load(replace(table, "weekday", "?", 3), missing=("?",)).categories["weekday"] == [*"0123456"]


@pytest.mark.parametrize("first_rows", [1000, 10])
def test_codes_of_new_rows_may_be_floats_or_capitals(table, load, tmp_path, monkeypatch, first_rows):
    monkeypatch.setattr("hyperplane.data.files.csv_table.FIRST_ROWS", first_rows)
    plain = table.with_columns(
        shop=polars.col("shop").replace({"north": "1", "south": "2"}),
        promo=polars.Series([("TRUE", "FALSE", "FALSE")[i % 3] for i in range(2 * DAYS)]),
    )
    data = load(plain, known_categoricals=("weekday", "promo"))
    assert data.series_names == ("1", "2") and data.categories["promo"] == ["false", "true"]
    other = plain.with_columns(polars.col("shop", "weekday") + ".0", polars.col("promo").str.to_titlecase())
    other.write_csv(tmp_path / "new.csv")
    rows = new_rows(data, tmp_path / "new.csv")
    assert rows["shop"].to_list() == [1] * DAYS + [2] * DAYS
    codes = [numbers_of(rows[name], data.categories[name]) for name in ("weekday", "promo")]
    assert codes == [pytest.approx(column) for column in data.rows.categoricals.numpy().T]
    late = replace(replace(plain, "weekday", "-", DAYS), "shop", "01", 2 * DAYS - 1)  # another series, of one row
    data = load(late)
    assert data.series_names == ("01", "1", "2") and data.categories["weekday"] == [*"0123456"]


def test_missing_categories_are_said(table, load):
    said = []
    sink = logger.add(said.append, format="{message}")
    load(replace(table, "weekday", None, 3))
    logger.remove(sink)
    assert "weekday: 1 missing values are a category of their own.\n" in said


def test_a_missing_value_is_the_last_one_before(table, load):
    assert load(replace(table, "price", None, 7)).rows.reals[6:8, 0].tolist() == [1.0, 1.0]
    first = load(replace(table, "price", None, DAYS))  # the first of the second series takes nothing from the first one
    trained = torch.cat([first.rows.reals[:38, 0], first.rows.reals[DAYS + 1 : DAYS + 38, 0]])
    assert first.rows.reals[DAYS, 0].item() == pytest.approx(trained.mean().item())


def test_a_category_of_later_rows_is_unknown(table, load):
    data = load(replace(table, "weekday", "holiday", DAYS - 1))
    assert data.rows.categoricals[DAYS - 1, 0] == UNKNOWN
    assert data.rows.categoricals[: DAYS - 1, 0].min() > UNKNOWN


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({}, {"target": "sale"}, r"no column sale\. Did you mean sales\?"),
        ({}, {"groups": ()}, r"two rows for sales at day=2025-01-01.*data\.groups="),
        ({}, {"time": "shop"}, r"data\.time=shop must hold dates, times or whole numbers.*'north'"),
        ({}, {"known_reals": ("shop",)}, r"column 'shop' must hold numbers"),
        ({}, {"static_categoricals": ("weekday",), "known_categoricals": ()}, r"weekday changes within north"),
        ({}, {"encoder_length": 50}, r"no window of 50 \+ 2 steps fits into the train part"),
        ({"sales": None}, {}, r"data\.target=sales: no row"),
    ],
)
def test_a_mistake_is_explained(table, load, change, settings, message):
    for column, value in change.items():
        table = table.with_columns(polars.lit(value, polars.Float64).alias(column))
    with pytest.raises(UserError, match=message):
        load(table, "parquet", **settings)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("2023-10-29 02:00", 1.0), ("2023-10-29 02:00", 2.0)], "Where clocks are put back an hour comes twice"),
        ([("2023-10-29", 1.0), ("2023-10-29", 2.0)], "tell series apart.$"),
        ([("2023-10-29", 1.0), ("2023-10-29", 1.0)], "They are the same: leave one out.$"),
        ([], "1 to train on, 0 to validate, 1 to test"),
        ([("2023-11-05", 1.0)], "1 gap in time: no window spans one. data.fill=true fills those"),
    ],
)
def test_rows_that_come_twice_and_a_series_shorter_than_a_window_are_explained(rows, message, tmp_path):
    path = tmp_path / "y.csv"
    day = rows[0][0][10:] if rows else ""
    others = [(f"2023-10-{number}{day}", 5.0 + number) for number in (27, 28)]
    path.write_text("\n".join(["t,y", *(f"{t},{y}" for t, y in (*others, *rows))]) + "\n", encoding="utf-8")
    with pytest.raises(UserError, match=message):
        Panel(path=str(path), time="t", target="y", seed=0).setup()


def test_uneven_steps_are_refused(table, load):
    times = [float(i) + 0.3 * (i == 7) for i in range(DAYS)] * 2
    start = polars.lit(date(2025, 1, 1)).cast(polars.Datetime)
    shifted = polars.Series([int(24 * 60 * t) for t in times])
    table = table.with_columns((start + polars.duration(minutes=shifted)).alias("day"))
    with pytest.raises(UserError, match="the steps are uneven"):
        load(table)


def test_a_run_on_a_file_is_evaluated_again_and_refused_once_the_file_has_changed(table, train, command):
    table.write_csv("sales.csv")
    roles = ("data.time=day", "data.target=sales", "data.groups=[shop]", "data.known_reals=[price]")
    lengths = ("data.encoder_length=6", "data.decoder_length=2")
    run = train("model=tft", "model.hidden_size=8", "data=panel", "data.path=sales.csv", *roles, *lengths)
    assert command("evaluate", f"run={run.folder}").status == 0
    replace(table, "sales", 1.0, 3).write_csv("sales.csv")
    changed = command("evaluate", f"run={run.folder}")
    assert changed.status == 2 and "sales.csv has changed" in changed.stderr


def test_a_column_with_two_roles_is_refused(train):
    words = ["data.path=x.csv", "data.time=day", "data.target=sales", "data.known_reals=[sales]"]
    assert "sales must have one role only" in train("model=tft", "data=panel", *words, status=2).stderr
