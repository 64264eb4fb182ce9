"""What columns of a table are stated to hold: dates, words, many categories, leaks, and tables of several files."""

from dataclasses import replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import polars
import pytest
import torch
from hyperplane.data.columns.encoding import TableEncoder
from hyperplane.data.columns.stated import Stated
from hyperplane.data.files.readings import Reading
from hyperplane.data.files.survey import Spelling
from hyperplane.data.tables import chunks, written_table
from hyperplane.data.tables.large_table import LargeTable
from hyperplane.data.tables.sources import read_rows
from hyperplane.data.tables.table import Table
from hyperplane.errors import UserError
from sklearn.feature_extraction.text import CountVectorizer

ROWS = 120
SETTINGS = {"target": "price", "batch_size": 20, "standardize": True, "seed": 0}


@pytest.fixture
def frame():
    """Sales: a code with a leading zero, a date, a time, and a remark of a few words."""
    random = np.random.default_rng(0)
    rows = range(ROWS)
    size = random.uniform(1, 9, ROWS)
    good = random.random(ROWS) < 0.5
    return polars.DataFrame(
        {
            "size": size,
            "zip": [f"0{10 + row % 3}" for row in rows],
            "sold": [datetime(2020 + row % 3, 1 + row % 12, 1 + row % 28, row % 24) for row in rows],
            "remark": [f"{'very good' if good[row] else 'bad'} house {row}" for row in rows],
            "price": size + 5 * good + random.normal(0, 0.1, ROWS),
        }
    )


@pytest.fixture
def load(tmp_path):
    """`load(frame, categorical=["zip"])` writes a file and returns the data set."""

    def make(frame, name="sales.csv", **settings):
        path = tmp_path / name
        frame.write_parquet(path) if name.endswith("parquet") else frame.write_csv(path)
        data = Table(path=str(path), **{**SETTINGS, **settings})
        data.setup()
        return data

    return make


def described(messages):
    """The lines of the table that says what columns are taken for."""
    return "".join(messages).partition("Columns are read as:\n")[2].splitlines()


def test_a_stated_category_keeps_its_leading_zeros_and_numbers_may_be_categories(frame, load, messages):
    assert "zip" in load(frame).spec.feature_names
    data = load(frame, categorical=["zip"], ignore=("remark", "sold"))
    assert data.spec.feature_names == ("size", "zip=010", "zip=011", "zip=012")
    assert "  categories  zip: stated by data.categorical; 3 different values" in described(messages[-6:])
    whole = frame.with_columns(zip=polars.col("zip").cast(polars.Float64))
    assert load(whole, "whole.parquet", categorical=["zip"]).spec.feature_names[1:3] == ("zip=10", "zip=11")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_column_that_numbers_the_rows_stays_if_it_is_stated(frame, load, ending):
    numbered = frame.with_columns(id=polars.int_range(ROWS))
    assert "id" not in load(numbered, f"a.{ending}").spec.feature_names
    assert "id" in load(numbered, f"a.{ending}", numeric=["id"]).spec.feature_names
    names = load(numbered, f"a.{ending}", categorical=["id"], max_categories=7).spec.feature_names
    assert sum(name.startswith("id bucket ") for name in names) == 7


@pytest.mark.parametrize(
    "kind, values, message",
    [
        (
            "numeric",
            ["1", "2", "large", "4"],
            r"data.numeric=\[x\]: column 'x' of .*x.csv must hold numbers, but row 3 ",
        ),
        ("numeric", ["a", "b", "c", "d"], "must hold numbers, but row 1 has 'a'"),
        ("numeric", ["1,234", "2,345", "9,999", "1,100"], "the mark may separate decimals or thousands"),
        (
            "dates",
            ["2020-01-31", "2020-02-01", "soon", "2020-02-03"],
            r"hold dates in the order year-month-day, but row 3",
        ),
        ("dates", ["1949-01", "1949-02", "soon", "1949-04"], "must hold dates, such as .*, but row 3 has 'soon'"),
        ("dates", ["Jan-67", "Jan-68", "Jan-69", "Jan-70"], "'Jan-69' in 1969: write years of four digits"),
        ("dates", ["2019", "2020", "7", "2021"], "must hold dates, such as .*, but row 3 has '7'"),
        ("dates", ["1.5", "2.5", "3.5", "2021"], "must hold dates, such as .*, but row 1 has '1.5'"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_stated_type_that_does_not_fit_is_one_error(tmp_path, ending, kind, values, message):
    rows = polars.DataFrame({"x": values * 30, "price": np.arange(120)})
    path = tmp_path / f"x.{ending}"
    rows.write_csv(path, quote_style="always") if ending == "csv" else rows.write_parquet(path)
    with pytest.raises(UserError, match=message.replace("x.csv", f"x.{ending}")) as refused:
        Table(path=str(path), **SETTINGS, **{kind: ["x"]}).setup()
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    "values",
    [
        ["1949-01", "1950-02"],
        ["2019", "2021"],
        ["20190131", "20200229"],
        ["2019013112", "20200229"],
        ["3.1.2020", "4.2.2021"],
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_stated_dates_are_read_as_they_are_written_and_new_rows_alike(tmp_path, values, ending):
    rows = polars.DataFrame({"x": values * 30, "price": np.arange(60.0)})
    path = tmp_path / f"x.{ending}"
    rows.write_csv(path) if ending == "csv" else rows.write_parquet(path)
    data = Table(path=str(path), **SETTINGS, dates=["x"])
    data.setup()
    assert data.spec.feature_names[:2] == ("x year", "x days")
    years = {float(value) for value in data.raw["train"][0][:, 0]}
    assert years == {
        float(part) for value in values for part in ("1949", "1950", "2019", "2020", "2021") if part in value
    }
    again = TableEncoder.from_state(data.encoder.state())
    np.testing.assert_array_equal(again.encode(rows[:1], "rows"), data.encoder.encode(rows[:1], "rows"))
    with pytest.raises(UserError, match=r"rows: column 'x' must hold .*dates.*, but row 1 has 'soon'"):
        again.encode(polars.DataFrame({"x": ["soon"]}), "rows")


def test_dates_give_year_month_weekday_hour_and_the_days_since_the_first(messages):
    frame = polars.DataFrame(
        {
            "day": [date(2024, 1, 1), date(2024, 3, 1), None, date(2025, 1, 1)],
            "moment": [
                datetime(1970, 1, 1, 12),
                datetime(1970, 1, 2, 12),
                datetime(1970, 1, 1, 6),
                datetime(1970, 1, 1),
            ],
            "clock": [time(6), time(12), time(18), time(0)],
        }
    )
    encoder = TableEncoder.fit([frame], {"clock": Reading("time")})
    assert encoder.names == (
        *("day year", "day days", "day month=1", "day month=3"),
        *("day weekday=Monday", "day weekday=Wednesday", "day weekday=Friday", "day missing"),
        *("moment days", "moment weekday=Thursday", "moment weekday=Friday"),
        *("moment hour=0", "moment hour=6", "moment hour=12", "clock"),
    )
    rows = encoder.encode(frame, "the rows")
    mean = (0 + 60 + 366) / 3
    np.testing.assert_allclose(rows[:, :2], [[2024, 0], [2024, 60], [6073 / 3, mean], [2025, 366]])
    np.testing.assert_array_equal(
        rows[:, 2:8], [[1, 0, 1, 0, 0, 0], [0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 1], [1, 0, 0, 1, 0, 0]]
    )
    np.testing.assert_allclose(rows[:, 8], [0.5, 1.5, 0.25, 0])
    np.testing.assert_array_equal(rows[:, 11:14], [[0, 0, 1], [0, 0, 1], [0, 1, 0], [1, 0, 0]])
    assert [*encoder.measured].count(True) == 4 and encoder.centres[1] == pytest.approx(mean)
    new = TableEncoder.from_state(encoder.state()).encode(frame.with_columns(day=date(2024, 7, 6)), "new rows")
    assert not new[:, 2:8].any() and "of another month in day (7)" in messages[-1]


def test_numbers_instead_of_a_date_are_a_setting():
    encoder = TableEncoder.fit(
        [polars.DataFrame({"day": [date(1970, 1, 3), date(1970, 1, 1)]})], stated=Stated({"day": "numeric"})
    )
    assert encoder.names == ("day",) and encoder.columns[0].mean == 1


def test_words_are_those_that_scikit_learn_counts(frame, messages):
    train, test = frame[:80], frame[80:]
    encoder = TableEncoder.fit([train.select("remark")], stated=Stated({"remark": "text"}, max_words=4))
    assert encoder.names == ("remark=bad", "remark=good", "remark=house", "remark=very")
    reference = CountVectorizer(max_features=4).fit(train["remark"].to_list())
    again = TableEncoder.from_state(encoder.state())
    np.testing.assert_array_equal(
        again.encode(test.with_columns(polars.col("remark") + polars.lit(" Good!")), "rows"),
        reference.transform([f"{text} Good!" for text in test["remark"]]).toarray(),
    )
    assert not encoder.measured.any() and "the 4 most frequent of 74 words" in described(messages)[0]


def test_free_text_is_left_out_unless_it_is_asked_for(frame, load, messages):
    data = load(frame, ignore=("sold",))
    assert not any("remark" in name for name in data.spec.feature_names)
    assert any("'data.text=[remark]' takes its words" in line for line in described(messages))
    data = load(frame, ignore=("sold",), text=["remark"])
    assert {"remark=good", "remark=bad"} <= {*data.spec.feature_names}
    column = data.spec.feature_names.index("remark=good")
    assert {*data.parts["train"][0][:, column].tolist()} == {0.0, 1.0}, "counts are not standardised"


def test_texts_that_look_like_numbers_are_not_left_out_in_passing(messages):
    forms = {"size": "{}_000", "price": "{}K", "from": "<{}", "sum": '="{}"', "house": "house {}", "tag": "T{}"}
    rows = {name: [form.format(7 * row + 10) for row in range(60)] for name, form in forms.items()}
    rows["price"][1::2] = [f"{row}.5M" for row in range(30)]
    TableEncoder.fit([polars.DataFrame(rows)])
    found = [line.partition("WARNING")[2] for line in messages if "look like numbers" in line]
    assert [line.partition(" is left out")[0].split()[-1] for line in found] == ["size", "price", "from", "sum"]
    assert "such as '10_000'" in found[0]


def test_dates_that_nobody_read_and_a_row_that_sums_up_are_pointed_at(load, messages):
    rows = range(60)
    months = [date(2020 + row // 12, 1 + row % 12, 1) for row in rows]
    frame = polars.DataFrame(
        {
            "shop": [*("abc"[row % 3] for row in rows[1:]), "Total"],
            "day": [int(day.strftime("%Y%m%d")) for day in months],
            "month": [day.strftime("%Y-%m") for day in months],
            "count": [200_000 + 7 * row for row in rows],
            "rain": [-9999 if row % 9 == 8 else row % 5 for row in rows],
            "age": [99 if row == 5 else row for row in rows],  # not far from the others
            "price": [999.9 if row == 7 else row % 7 + row / 9 for row in rows],
        }
    )
    load(frame, task="regression")
    said = "".join(line.partition("WARNING")[2] for line in messages)
    assert "The last row has 'Total' as shop" in said
    assert "day is read as numbers; if 20200101 is a date: 'data.dates=[day]'" in said
    assert "month is left out, though its texts" in said and "'data.dates=[month]' reads these" in said
    assert "rain: -9999 in 6 rows is far from all other values" in said and "'data.missing=[\"-9999\"]'" in said
    assert "price: 999.9 in 1 rows is far from all other values" in said
    assert "count" not in said and "age:" not in said
    messages.clear()
    data = load(frame[:-1], dates=["day", "month"], missing=["-9999"])
    said = "".join(line.partition("WARNING")[2] for line in messages)
    assert "Total" not in said and "data.dates" not in said and "rain" not in said
    assert "rain missing" in data.spec.feature_names


@pytest.mark.parametrize(
    "form",
    ["{} Main St", "555-00{}", "+49 30 0000{}", "10.0.{}.0", "1.0.{}-rc", "00:01:{}", "4997{}-B", "0{}", "5?"],
)
def test_addresses_versions_clocks_and_codes_are_no_numbers(messages, form):
    TableEncoder.fit([polars.DataFrame({"code": [form.format(row + 10) for row in range(60)]})])
    assert not any("look like numbers" in line for line in messages)


def test_many_categories_are_hashed_and_new_ones_land_in_a_bucket(messages):
    texts = [f"town {row % 40}" for row in range(200)]
    frame = polars.DataFrame({"town": [None, *texts[1:]]})
    encoder = TableEncoder.fit([frame], stated=Stated(max_categories=16))
    assert encoder.names == (*(f"town bucket {number}" for number in range(16)), "town=missing")
    assert "40 different texts, more than data.max_categories=16" in described(messages)[0]
    rows = encoder.encode(frame, "rows")
    assert (rows.sum(axis=1) == 1).all() and rows[0, -1] == 1
    np.testing.assert_array_equal(rows[1], rows[41])
    # The same on every machine and in every version: a checkpoint keeps no list of categories.
    assert rows[1:6].argmax(axis=1).tolist() == [15, 5, 3, 0, 6]
    new = TableEncoder.from_state(encoder.state()).encode(polars.DataFrame({"town": ["elsewhere"]}), "rows")
    assert new.sum() == 1
    assert "town=town 0" in TableEncoder.fit([frame]).names


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_dates_and_many_categories_are_the_same_on_disk(frame, tmp_path, monkeypatch, ending):
    for module in (written_table, chunks):
        monkeypatch.setattr(module, "CHUNK", 25)
    path = tmp_path / f"sales.{ending}"
    rows = frame.with_columns(town=polars.Series([None, *(f"town {row % 30}" for row in range(1, ROWS))]))
    rows.write_csv(path) if ending == "csv" else rows.write_parquet(path)
    settings = {**SETTINGS, "path": str(path), "max_categories": 10}
    here, there = Table(**settings), LargeTable(**settings, folder=str(tmp_path / "data"))
    for data in (here, there):
        data.setup()
    for one, other in zip(here.encoder.state(), there.encoder.state(), strict=True):
        assert one == {
            name: pytest.approx(value) if isinstance(value, float) else value for name, value in other.items()
        }
    assert {"town bucket 9", "sold hour=23"} <= {*there.spec.feature_names}
    assert there.spec == replace(here.spec, ridge=None), "a penalty is looked for in memory alone"
    found = torch.cat([inputs for inputs, _ in there.evaluation_batches("test")])
    expected = torch.cat([inputs for inputs, _ in here.evaluation_batches("test")])
    torch.testing.assert_close(found.sum(dim=0), expected.sum(dim=0), rtol=1e-4, atol=1e-3)
    assert LargeTable(**{**settings, "max_categories": 9}, folder=str(tmp_path / "data")).stored() != there.stored()


@pytest.mark.parametrize("kind", ["classes", "values", "missing", "label"])
def test_a_column_that_predicts_the_target_almost_alone_is_pointed_at(tmp_path, messages, kind):
    random = np.random.default_rng(0)
    noise, other = random.normal(size=300), random.normal(size=300)
    hint = 3 * noise + 0.3 * other
    target = {
        "classes": np.where(hint > 1, "yes", "no"),
        "values": np.sin(noise),
        "label": np.where(hint > 1, "a", "b"),
    }
    leak = {
        "classes": hint,
        "values": -2 * noise,
        "missing": [None if value > 1 else 7.0 for value in hint],
        "label": np.where(hint > 1, "refunded", "kept"),
    }
    rows = polars.DataFrame(
        {"noise": noise if kind != "values" else other, "leak": leak[kind], "y": target.get(kind, target["classes"])}
    )
    rows.write_parquet(tmp_path / "leak.parquet")
    settings = {**SETTINGS, "path": str(tmp_path / "leak.parquet"), "target": "y"}
    Table(**settings).setup()
    (said,) = (message for message in messages if "almost alone" in message)
    assert "leak predicts y almost alone" in said and "data.ignore=[leak]" in said
    other = float(said.partition("the best other column ")[2].partition(". If")[0])
    assert (0.5 < other < 0.99) if kind != "values" else other < 0.5
    assert ("R² " if kind == "values" else "accuracy ") in said
    messages.clear()
    Table(**settings, ignore=("leak",)).setup()
    assert not any("almost alone" in message for message in messages)


def test_nothing_is_pointed_at_where_a_class_is_rare_or_each_column_tells(tmp_path, messages):
    random = np.random.default_rng(0)
    rare = polars.DataFrame({"a": random.normal(size=400), "b": random.normal(size=400), "y": ["x"] * 398 + ["y"] * 2})
    both = polars.DataFrame({"a": rare["a"], "b": -rare["a"], "y": rare["a"] * 2})
    for name, rows in (("rare", rare), ("both", both)):
        rows.write_csv(tmp_path / f"{name}.csv")
        Table(**SETTINGS | {"path": str(tmp_path / f"{name}.csv"), "target": "y"}).setup()
    assert not any("almost alone" in message for message in messages)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_several_files_are_one_table(frame, load, tmp_path, ending):
    frame = frame.with_columns(id=polars.int_range(ROWS))  # left out, as whole numbers are where they number the rows
    parts = [frame[:50], frame[50:80].select(reversed(frame.columns)), frame[80:]]
    for number, part in enumerate(parts):
        path = tmp_path / f"part-{number}.{ending}"
        part.write_parquet(path) if ending == "parquet" else part.write_csv(path)
    paths = [str(tmp_path / f"part-{number}.{ending}") for number in range(3)]
    own = {"categorical": ["zip"], "text": ["remark"]}
    whole = load(frame, f"whole.{ending}", **own)
    for given in ({"path": paths}, {"path": str(tmp_path), "pattern": f"part-*.{ending}"}):
        data = Table(**SETTINGS | own | given)
        data.setup()
        assert data.spec == whole.spec and data.encoder.state() == whole.encoder.state()
        np.testing.assert_array_equal(data.raw["train"][0], whole.raw["train"][0])
        assert data.digest != whole.digest
    (tmp_path / f"part-1.{ending}").write_bytes((tmp_path / f"part-0.{ending}").read_bytes())
    changed = Table(**SETTINGS | own | {"path": paths})
    changed.setup()
    with pytest.raises(UserError, match="has changed since this run was trained"):
        changed.load_state_dict(data.state_dict())


def test_whole_numbers_of_several_files_keep_all_of_their_digits(tmp_path):
    paths = [tmp_path / "a.csv", tmp_path / "b.csv"]
    for number, path in enumerate(paths):  # a float64 holds no odd numbers there
        path.write_text(f"id,x\n{2**53 + number},1\n")
    table, _ = read_rows(paths, ["id", "x"], Spelling(), Stated())
    assert table["id"].to_list() == [2**53, 2**53 + 1]


def test_a_date_is_that_of_the_clock_that_is_written_and_not_of_utc(load, tmp_path, messages):
    march = [datetime(2024, 3, day, tzinfo=ZoneInfo("Europe/Berlin")) for day in range(1, 32)] * 2
    written = polars.DataFrame({"at": [day.isoformat() for day in march], "price": [1.5 * row for row in range(62)]})
    data = load(written, name="written.csv")
    names = data.spec.feature_names
    assert {"at weekday=Friday"} <= {*names} and not any("hour" in name or "month" in name for name in names)
    new = tmp_path / "new.csv"  # 1 March was a Friday; in summer the offset is another
    new.write_text("at\n2024-03-01T00:00:00+01:00\n2024-04-01T00:00:00.5+02:00\n")
    ((rows, _),) = data.read_inputs(new, data.spec).pieces
    friday, monday = rows
    assert friday[names.index("at weekday=Friday")] == monday[names.index("at weekday=Monday")] == 1
    assert monday[names.index("at days")] - friday[names.index("at days")] == pytest.approx(31, abs=1e-4)
    assert not any("holds times of" in line for line in messages)
    polars.DataFrame({"at": march}).cast(polars.Datetime("us", "UTC")).write_parquet(tmp_path / "new.parquet")
    data.read_inputs(tmp_path / "new.parquet", data.spec)
    assert any("column 'at' holds times of UTC; in training" in line for line in messages)


def test_hours_of_new_rows_are_those_of_the_clock_of_the_training_rows():
    berlin = polars.DataFrame({"at": [datetime(2024, 1, 1, hour) for hour in (0, 9, 18)]}).select(
        polars.col("at").dt.replace_time_zone("Europe/Berlin")
    )
    encoder = TableEncoder.from_state(TableEncoder.fit([berlin]).state())
    expected = encoder.encode(berlin, "rows")
    assert {"at hour=0", "at hour=9", "at hour=18"} <= set(encoder.names) and "at weekday=Monday" not in encoder.names
    np.testing.assert_array_equal(encoder.encode(berlin.cast(polars.Datetime("ms", "UTC")), "rows"), expected)


def test_files_that_do_not_fit_together_are_refused(frame, tmp_path):
    frame.write_csv(tmp_path / "a.csv")
    frame.rename({"zip": "code"}).write_csv(tmp_path / "b.csv")
    frame.write_parquet(tmp_path / "c.parquet")

    def refused(message, **settings):
        with pytest.raises(UserError, match=message):
            Table(**SETTINGS | settings).setup()

    a, folder = str(tmp_path / "a.csv"), str(tmp_path)
    refused(r"b.csv lacks 'zip' and has besides 'code', unlike .*a.csv", path=[a, str(tmp_path / "b.csv")])
    refused("must both be CSV files, or both Parquet files", path=[a, str(tmp_path / "c.parquet")])
    refused("data.path=.*a.csv must be one", path=a, pattern="part-*.csv")
    refused("matches no file in .*It holds: a.csv, b.csv, c.parquet", path=folder, pattern="part-*.csv")
    refused("is a folder; name a file", path=folder)
    refused(r"data.categorical=zap is not a column of .*Did you mean zip\?", path=a, categorical=["zap"])


@pytest.mark.parametrize(
    "given, message",
    [
        (
            ["data.categorical=[a]", "data.numeric=[a]"],
            "a must have one role only, and stands in categorical and numeric",
        ),
        (["data.text=[y]"], "y must have one role only"),
        (["data.max_categories=0"], "data.max_categories=0"),
        (["data=large_table", "data.text=[a]"], "text=[a]: data=large_table infers the types of all columns"),
        (["data=large_table", "data.pattern=x"], "data=large_table reads one file"),
    ],
)
def test_what_cannot_be_stated_is_refused_before_the_run(train, given, message):
    assert message in train("data=table", "data.path=x.csv", "data.target=y", *given, status=2).stderr


def test_a_run_on_stated_columns_is_evaluated_predicted_and_resumed(frame, train, command, tmp_path):
    frame.write_csv("sales.csv")
    words = ["data=table", "data.path=sales.csv", "data.target=price", "model=linear", "data.batch_size=20"]
    words += ["data.categorical=[zip]", "data.text=[remark]", "data.dates=[sold]", "data.max_categories=2"]
    folder = train(*words).folder
    done = command("evaluate", f"run={folder}")
    assert done.status == 0 and "as in summary.json" in done.stderr, done.stderr
    new = frame[:2].with_columns(zip=polars.Series(["010", "999"]), remark=polars.Series(["very good", None]))
    new.drop("price").write_csv("new.csv")
    done = command("predict", f"run={folder}", "input=new.csv", "output=out.csv")
    assert done.status == 0 and polars.read_csv("out.csv").height == 2, done.stderr
    new.drop("price").with_columns(zip=polars.Series([10, 999])).write_parquet("new.parquet")
    assert command("predict", f"run={folder}", "input=new.parquet", "output=out2.csv").status == 0
    done = command("train", f"resume={folder}", "trainer.max_epochs=2", "tracking=none", "figures=false")
    assert done.status == 0, done.stderr
    folds = train("-m", *words, "data.folds=2", "data.fold=0,1", "sweep=folded")
    assert folds.status == 0 and len([*tmp_path.glob("runs/sweeps/folded/*/summary.json")]) == 2
    done = command("report", "runs/sweeps/folded")
    assert done.status == 0, done.stderr


def test_a_reading_is_kept_with_a_stated_column(frame):
    encoder = TableEncoder.fit(
        [frame.select("zip")], {"zip": Reading("text", missing=("none",))}, stated=Stated({"zip": "categorical"})
    )
    assert TableEncoder.from_state(encoder.state()).readings == {"zip": Reading("text", missing=("none",))}
