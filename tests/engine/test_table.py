"""Your own table: what is inferred, how columns become numbers, and what is said of a file that cannot serve."""

import gzip
from datetime import date, timedelta

import numpy as np
import polars
import pytest
from hyperplane.data.columns.encoding import TableEncoder
from hyperplane.data.columns.stated import Stated
from hyperplane.data.columns.target import infer_task
from hyperplane.data.files.survey import Spelling
from hyperplane.data.files.table_files import read_as, read_columns, read_table
from hyperplane.data.tables.large_table import LargeTable
from hyperplane.data.tables.table import Table
from hyperplane.errors import UserError

ROWS = 60


@pytest.fixture
def frame():
    """Houses: numbers and categories, each with holes, a constant column, and names."""
    random = np.random.default_rng(0)
    area = random.uniform(40, 200, ROWS)
    return polars.DataFrame(
        {
            "name": [f"house {row}" for row in range(ROWS)],
            "area": [None if row % 10 == 0 else float(area[row]) for row in range(ROWS)],
            "heating": [None if row % 7 == 0 else ["gas", "oil"][row % 2] for row in range(ROWS)],
            "garden": [row % 3 == 0 for row in range(ROWS)],
            "country": ["here"] * ROWS,
            "price": (3 * area + random.normal(0, 1, ROWS)).tolist(),
        }
    )


@pytest.fixture
def load(tmp_path):
    """`load(frame, target="price")` writes a file and returns the data set."""

    def make(frame, target="price", name="houses.parquet", **settings):
        path = tmp_path / name
        frame.write_parquet(path) if name.endswith("parquet") else frame.write_csv(path)
        loading = {"batch_size": 10, "val_fraction": 0.1, "standardize": True, "seed": 0}
        data = Table(path=str(path), target=target, **{**loading, **settings})
        data.setup()
        return data

    return make


@pytest.mark.parametrize("name", ["houses.csv", "houses.parquet"])
def test_columns_become_numbers_and_useless_ones_are_left_out(frame, load, messages, name):
    data = load(frame, name=name)
    expected = ("area", "area missing", "heating=gas", "heating=oil", "heating=missing", "garden")
    assert data.spec.feature_names == expected and data.spec.task == "regression"
    said = "".join(messages)
    taken = said.partition("Columns are read as:\n")[2].splitlines()
    assert taken[:3] == [
        "  number      area: numbers",
        "  categories  heating: 2 different texts",
        "  number      garden: true and false",
    ]
    assert "  left out    country: one value in the training rows" in taken
    assert any(line.startswith("  left out    name: 43 different texts in 43 training rows: a name") for line in taken)
    assert "regression of price" in said
    assert [len(data.raw[part][0]) for part in ("train", "val", "test")] == [43, 5, 12]


def test_statistics_are_those_of_the_training_rows_alone(frame, load):
    data = load(frame)
    raw, scaled = data.raw["train"][0].numpy(), data.parts["train"][0].numpy()
    present = raw[raw[:, 1] == 0, 0]
    np.testing.assert_allclose(raw[raw[:, 1] == 1, 0], present.mean(), rtol=1e-5)
    np.testing.assert_allclose([scaled[:, 0].mean(), scaled[:, 0].std()], [0, 1], atol=1e-5)
    assert set(np.unique(scaled[:, 1:5])) == {0, 1}, "marks are not standardised"
    everything = frame.with_columns(area=polars.when(polars.col("area") > 0).then(1e6))
    test_rows = {float(price) for price in data.raw["test"][1][:, 0]}
    is_test = [np.float32(price) in test_rows for price in frame["price"]]
    changed = frame.with_columns(area=polars.when(polars.Series(is_test)).then(everything["area"]).otherwise("area"))
    np.testing.assert_array_equal(load(changed, name="other.parquet").scaling.input_mean, data.scaling.input_mean)


def test_what_training_rows_did_not_have_is_encoded_and_said_once(frame, messages):
    encoder = TableEncoder.fit([frame.select("garden", "heating")])
    new = polars.DataFrame({"heating": ["coal", "gas", " oil ", None], "garden": [True, None, False, True]})
    rows = encoder.encode(new, "the new rows")
    np.testing.assert_allclose(rows[:, 1:], [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    np.testing.assert_allclose(rows[:, 0], [1, 1 / 3, 0, 1], atol=1e-6)
    said = messages[-1]
    assert len(messages) == 2 and "1 of unknown category in heating ('coal')" in said and "1 missing in garden" in said


@pytest.mark.parametrize("most", [500, 2])  # few enough for a mark each, or hashed
@pytest.mark.parametrize("trained, new", [(["2", "10", "x"], "10.0"), (["2.0", "10.0", None], "10")])
def test_a_category_that_is_a_whole_number_may_be_written_with_a_point(messages, most, trained, new):
    stated = Stated({"rooms": "categorical"}, max_categories=most)
    encoder = TableEncoder.fit([polars.DataFrame({"rooms": trained})], stated=stated)
    rows = encoder.encode(polars.DataFrame({"rooms": [trained[1], new]}), "the new rows")
    assert rows.sum() == 2 and (rows[0] == rows[1]).all() and "unknown" not in "".join(messages)


@pytest.mark.parametrize(
    "trained, new, meant",
    [
        (["5%", "7%"], [5.0, 0.05], [5, 0.05]),
        (["true", "false"], ["False", "TRUE"], [0, 1]),
        (
            [date(2024, 1, 1), date(2024, 2, 1)],
            [timedelta(1)] * 2,
            "must hold dates, as in training; it holds Duration",
        ),
        ([date(2024, 1, 1), date(2024, 2, 1)], [2024, 2025], "must hold dates, as in training; it holds Int64"),
        ([1.5, 2.5], [date(2024, 1, 1)] * 2, "'x' must hold numbers, as in training; it holds Date"),
    ],
)
def test_columns_of_a_parquet_file_may_hold_another_type(tmp_path, messages, trained, new, meant):
    polars.DataFrame({"x": trained}).write_csv(tmp_path / "x.csv")
    table, readings = read_columns(tmp_path / "x.csv", None, Spelling())
    encoder = TableEncoder.fit([table], readings)
    encoder.encode(read_as(tmp_path / "x.csv", readings, "input"), "the new rows")
    assert "WARNING" not in "".join(messages)
    polars.DataFrame({"x": new}).write_parquet(tmp_path / "x.parquet")
    if isinstance(meant, str):
        with pytest.raises(UserError, match=meant):
            encoder.encode(read_as(tmp_path / "x.parquet", readings, "input"), "the new rows")
    else:
        rows = encoder.encode(read_as(tmp_path / "x.parquet", readings, "input"), "the new rows")
        assert rows[:, 0].tolist() == meant
        assert ("x holds numbers; in training 5% was 5, not 0.05" in "".join(messages)) == (trained[0] == "5%")


def test_the_state_of_an_encoder_makes_it_again(frame):
    encoder = TableEncoder.fit([frame.drop("name")])
    again = TableEncoder.from_state(encoder.state())
    np.testing.assert_array_equal(encoder.encode(frame, "rows"), again.encode(frame, "rows"))


@pytest.mark.parametrize(
    "values, task",
    [
        (["a", "b"] * 20, "classification"),
        ([True, False] * 20, "classification"),
        ([0, 1, 2, 3] * 10, "classification"),
        ([1.0, 2.0] * 20, "classification"),
        ([0.5, 2.0] * 20, "regression"),
        (list(range(40)), "regression"),
    ],
)
def test_the_task_follows_from_the_target(values, task):
    assert infer_task(polars.Series(values)) == task


def test_the_task_can_be_given(frame, load):
    rated = frame.with_columns(stars=polars.Series([1, 2, 3] * (ROWS // 3)))
    assert load(rated, "stars").spec.class_names == ("1", "2", "3")
    assert load(rated, "stars", task="regression").spec.output_size == 1


def test_rows_without_a_target_are_left_out(frame, load, messages):
    holes = frame.with_columns(price=polars.when(polars.int_range(ROWS) < 6).then(None).otherwise("price"))
    data = load(holes)
    assert sum(len(data.raw[part][0]) for part in data.raw) == ROWS - 6
    assert any("6 of 60 rows have no price" in message for message in messages)


def test_whole_numbers_are_classes_though_floats_would_not_tell_them_apart(frame, load):
    large = frame.with_columns(code=polars.Series([2**53, 2**53 + 1] * (ROWS // 2)))
    data = load(large, "code", name="large.csv")
    assert data.spec.class_names == ("9007199254740992", "9007199254740993")


@pytest.mark.parametrize("rows", range(8, 20))
def test_a_part_that_is_drawn_may_have_one_row(tmp_path, rows):
    polars.DataFrame({"x": range(rows), "y": [2.5 * row for row in range(rows)]}).write_csv(
        tmp_path / "few.tsv", separator="\t"
    )
    data = Table(path=str(tmp_path / "few.tsv"), target="y", seed=0, standardize=False)
    data.setup()
    sizes = [len(data.parts[part][0]) for part in ("train", "val", "test")]
    assert sum(sizes) == rows and min(sizes) >= 1


def test_a_column_can_say_which_part_a_row_is_for(frame, load):
    parts = ["train"] * 30 + ["val"] * 10 + ["test"] * 20
    data = load(frame.with_columns(part=polars.Series(parts)), split_column="part")
    np.testing.assert_allclose(data.raw["test"][1][:, 0], frame["price"][40:], rtol=1e-6)
    np.testing.assert_allclose(data.raw["val"][1][:, 0], frame["price"][30:40], rtol=1e-6)
    assert "part" not in "".join(data.spec.feature_names)


@pytest.fixture
def patients():
    """Labels as they are written, two values to predict, weights, and a text in each row."""
    random = np.random.default_rng(1)
    x = random.normal(size=(ROWS, 2))
    return polars.DataFrame(
        {
            "age": x[:, 0],
            "dose": x[:, 1],
            "cough": (x[:, 0] > 0).tolist(),
            "fever": np.where(x[:, 1] > 0.5, "Yes", "no"),
            "rash": (x[:, 0] > 1).astype(int),
            "days": 3 * x[:, 0] + 7,
            "cost": 100 * x[:, 1],
            "severity": random.integers(0, 4, ROWS),
            "ward": random.choice(["north", "south", "east"], ROWS),
            "note": [f"the {row}th patient came in" for row in range(ROWS)],
            "weight": random.integers(0, 3, ROWS) + (np.arange(ROWS) % 2) / 4,
        }
    )


OTHERS = ("days", "cost", "severity", "ward", "note", "weight")


@pytest.mark.parametrize("name", ["patients.csv", "patients.parquet"])
def test_columns_of_two_values_are_labels(patients, load, messages, name):
    data = load(patients, ("cough", "fever", "rash"), name, ignore=OTHERS)
    spec = data.spec
    assert (spec.task, spec.output_size, spec.class_names) == ("multilabel", 3, ("cough", "fever", "rash"))
    assert spec.target_names == () and spec.feature_names == ("age", "dose")
    expected = np.stack([patients["cough"], patients["fever"] == "Yes", patients["rash"]], axis=1).astype(np.float32)
    for part in ("train", "val", "test"):
        x, y = data.raw[part]
        at = [int(np.abs(patients["age"].to_numpy() - age).argmin()) for age in x[:, 0].numpy()]
        np.testing.assert_array_equal(y.numpy(), expected[at])
        np.testing.assert_array_equal(data.parts[part][1], y, "labels are not standardised")
    assert spec.class_counts == tuple(data.raw["train"][1].sum(dim=0).int().tolist())
    assert f"cough ({int(expected[:, 0].sum())})" in "".join(messages)


def test_columns_of_numbers_are_values(patients, load):
    data = load(patients, ("days", "cost"), ignore=("cough", "fever", "rash", "severity", "ward", "note", "weight"))
    assert (data.spec.task, data.spec.output_size, data.spec.target_names) == ("regression", 2, ("days", "cost"))
    (x, y), scaled = data.arrays("train"), data.parts["train"][1]
    np.testing.assert_allclose(y, np.stack([3 * x[:, 0] + 7, 100 * x[:, 1]], axis=1), rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(scaled.mean(dim=0), [0, 0], atol=1e-5)
    np.testing.assert_allclose(data.scaling.to_units(scaled), y, rtol=1e-4, atol=1e-3)
    assert (
        load(patients, ["days"], "one.parquet", ignore=("note",)).spec == load(patients, "days", ignore=("note",)).spec
    )


def test_the_task_of_several_targets_can_be_given(patients, load):
    assert load(patients, ("days", "cough"), task="regression").spec.target_names == ("days", "cough")
    one = load(patients, "cough", task="multilabel").spec
    assert (one.task, one.output_size, one.class_names) == ("multilabel", 1, ("cough",))


def test_a_row_needs_all_of_its_targets(patients, load, messages):
    rows = polars.int_range(ROWS)
    holes = patients.with_columns(
        days=polars.when(rows < 5).then(None).otherwise("days"),
        cost=polars.when(rows > 56).then(None).otherwise("cost"),
    )
    data = load(holes, ("days", "cost"))
    assert sum(len(data.raw[part][0]) for part in data.raw) == ROWS - 8
    assert any("8 of 60 rows have no days or no cost" in message for message in messages)


def test_weights_are_no_feature_and_stay_with_their_rows(patients, load):
    data = load(patients, "days", weights="weight", standardize=False)
    assert data.spec.has_weights and "weight" not in data.spec.feature_names
    for part in ("train", "val", "test"):
        _, y, w = data.raw[part]
        at = [int(np.abs(patients["days"].to_numpy() - days).argmin()) for days in y[:, 0].numpy()]
        np.testing.assert_array_equal(w, patients["weight"].to_numpy()[at].astype(np.float32))
    inputs, targets, weights = next(iter(data.train_dataloader()))
    assert len(weights) == len(inputs) == len(targets) == data.train_dataloader().batch_size


def at_row(row, value):
    """A change of the weight of one row."""
    index = polars.int_range(ROWS)
    return lambda f: f.with_columns(weight=polars.when(index == row).then(polars.lit(value)).otherwise("weight"))


@pytest.mark.parametrize(
    "change, settings, message",
    [
        (
            lambda f: f,
            {"target": ("days", "cough")},
            "days holds numbers; cough holds two values.*takes all of them as n",
        ),
        (lambda f: f, {"target": ("cough", "ward")}, "cough holds two values; ward holds text such as 'east'"),
        (lambda f: f, {"target": ("days", "ward")}, "ward holds text such as 'east', 'north', 'south'.*either numbers"),
        (
            lambda f: f,
            {"target": ("severity", "cough"), "task": "multilabel"},
            "severity holds other numbers than 0 and",
        ),
        (lambda f: f, {"target": ("ward", "cough"), "task": "multilabel"}, "ward holds text such as 'east'"),
        (lambda f: f, {"target": ("days", "ward"), "task": "regression"}, "needs numbers"),
        (lambda f: f, {"target": ("cough", "rash"), "task": "classification"}, "has one target, whose classes exclude"),
        (lambda f: f.with_columns(cough=True), {"target": ("cough", "rash")}, "cough is True in all 60 rows"),
        (lambda f: f, {"target": ("cough", "rasch")}, "data.target=rasch is not a column.*Did you mean rash?"),
        (
            lambda f: f,
            {"target": "days", "weights": "wieght"},
            "data.weights=wieght is not a column.*Did you mean weight?",
        ),
        (lambda f: f, {"target": "days", "weights": "ward"}, "data.weights=ward must hold numbers; it holds String"),
        (
            at_row(7, -1.0),
            {"target": "days", "weights": "weight"},
            "data.weights=weight: row 8 has -1.0; a weight is a",
        ),
        (at_row(9, None), {"target": "days", "weights": "weight"}, "row 10 has None"),
        (at_row(9, float("inf")), {"target": "days", "weights": "weight"}, "row 10 has inf"),
        (at_row(9, 1e300), {"target": "days", "weights": "weight"}, "row 10 has 1e+300"),
        (lambda f: f.with_columns(weight=0), {"target": "days", "weights": "weight"}, "is 0 in all 43 train rows"),
    ],
)
def test_targets_and_weights_that_make_no_task_are_refused(patients, load, change, settings, message):
    pattern = message.replace("[", r"\[").replace("?", r"\?").replace("+", r"\+")
    with pytest.raises(UserError, match=f"(?s){pattern}"):
        load(change(patients), **settings)


@pytest.mark.parametrize(
    "given, message",
    [
        (["data.target=[]"], "data.target=[] is not allowed: must be a word, or must have at least 1"),
        (["data.target=[a,a]"], "a must have one role only"),
        (["data.target=[a,b]", "data.weights=b"], "b must have one role only"),
        (["data.target=a", "data.group=a"], "a must have one role only"),
        (["data=large_table", "data.target=[a,b]"], "data.target=[a, b] is not allowed: must be a word"),
        (
            ["data=large_table", "data.target=a", "data.weights=b"],
            "data=large_table has no weights; use data=table",
        ),
        (["data=large_table", "data.target=a", "data.task=multilabel"], "data.task=multilabel is not allowed"),
    ],
)
def test_roles_that_exclude_each_other_are_refused(train, given, message):
    assert message in train("data=table", "data.path=x.csv", *given, status=2).stderr


def test_text_alone_is_refused_with_what_can_be_done(patients, load):
    with pytest.raises(UserError) as refused:
        load(patients.select("note", "ward"), "ward", "notes.parquet")
    assert str(refused.value).endswith(
        "notes.parquet has no column left to predict ward from. "
        "Left out: note (43 different texts in 43 training rows: a name, not a category. "
        "'data.text=[note]' takes its words, 'data.categorical=[note]' its values)\n"
        "Features are numbers, dates, and categories that several rows share; data.text=[...] takes the words "
        "of a column of free text."
    )
    with pytest.raises(UserError, match=r"to predict ward from: each has another role, or .* It has: ward, age"):
        load(patients.select("ward", "age"), "ward", "alone.parquet", ignore=("age",))


def test_texts_of_a_parquet_file_that_are_numbers_or_dates_are_pointed_at(frame, load, messages):
    texts = {
        "area": polars.format("{} m²", "area"),
        "built": polars.format("{}-01", polars.int_range(1900, 1900 + len(frame))),
    }
    data = load(frame.with_columns(**texts, price=polars.format("$ {}", "price")), task="regression", name="t.parquet")
    assert "area" not in data.spec.feature_names and data.spec.task == "regression"
    np.testing.assert_allclose(sorted(data.read()[1]["price"]), sorted(frame["price"]))
    (said,) = (message for message in messages if "Columns are read as" in message)
    assert "'data.numeric=[area]' reads numbers" in said and "'data.dates=[built]' reads dates" in said
    messages.clear()
    load(frame, max_categories=10)
    (said,) = (message for message in messages if "Columns are read as" in message)
    assert "a name, not a category. 'data.text=[name]' takes" in said
    with pytest.raises(UserError, match=r"data\.target=price: column .* must hold numbers, but row 1 has 'EUR'"):
        price = polars.Series(["EUR", *frame["price"][1:].cast(str)])
        load(frame.with_columns(price=price), task="regression", name="units.csv")


@pytest.mark.parametrize(
    "there, held", [(["mine.csv", "notes.txt"], "it holds mine.csv"), ([], "it holds no such file")]
)
def test_a_folder_is_refused_and_its_tables_named(tmp_path, there, held):
    for name in there:
        (tmp_path / name).write_bytes(b"a,b\n1,2\n")
    with pytest.raises(UserError) as refused:
        read_table(tmp_path)
    assert str(refused.value) == (
        f"data.path={tmp_path} is a folder; name a file in it that ends in .csv, .csv.gz, .tsv, .parquet: {held}"
    )


@pytest.mark.parametrize(
    "change, settings, message",
    [
        (lambda f: f, {"target": "prise"}, "Did you mean price?"),
        (lambda f: f, {"target": "country"}, "nothing to learn"),
        (lambda f: f, {"target": "name"}, "too many for classes"),
        (lambda f: f, {"target": "heating", "task": "regression"}, "needs numbers"),
        (lambda f: f, {"ignore": ("arae",)}, "Did you mean area?"),
        (lambda f: f, {"split_column": "heating"}, "it can be train, val, test"),
        (lambda f: f.with_columns(price=polars.lit(None, polars.Float64)), {}, "have no value there"),
        (lambda f: f.select("name", "country", "price"), {}, "no column left"),
        (lambda f: f.with_columns(part=polars.lit("train")), {"split_column": "part"}, "for test"),
        (lambda f: f.with_columns(tags=polars.concat_list("area")), {}, "data.ignore=[tags]"),
    ],
)
def test_a_table_that_makes_no_task_is_refused(frame, load, change, settings, message):
    with pytest.raises(UserError, match=message.replace("[", r"\[").replace("?", r"\?")):
        load(change(frame), **settings)


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("mine.csv", b"", "is empty"),
        ("mine.csv", b"a,b\n", "no rows"),
        ("mine.csv", b"a,b\n1,2,3\n", "cannot be read"),
        ("mine.csv", b"a,b\n" + 5000 * b"1,2\n" + b"1,\xe9\n", "byte 20007 is 0xe9"),
        ("mine.csv", b"a,b\n1,\xff\xfe\n", "byte 7 is 0xff. Convert it to UTF-8: iconv -f cp1252 -t utf-8"),
        ("mine.csv", "a,b\n1,2\n".encode("utf-16"), "iconv -f utf-16"),
        ("mine.csv", "a,b\n1,é\n".encode("utf-16-le"), "Convert it to UTF-8: iconv -f utf-16le"),
        ("mine.csv", "a,b\n1,2\n".encode("utf-16-be"), "byte 1 is 0x00. Convert it to UTF-8: iconv -f utf-16be"),
        ("mine.csv", gzip.compress(b"a,b\n1,2\n", mtime=0), "is compressed: let its name end in .gz"),
        ("mine.csv", b"a,b\r1,2\r", "end in a carriage return alone"),
        ("mine.parquet", b"nonsense", "cannot be read"),
        ("mine.xlsx", b"nonsense", "its name must end in"),
        ("minne.csv", None, "Did you mean mine.csv?"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name, content, message):
    (tmp_path / "mine.csv").write_bytes(b"a,b\n1,2\n")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        read_table(tmp_path / name)


def test_a_compressed_file_is_read(tmp_path):
    (tmp_path / "mine.csv.gz").write_bytes(gzip.compress(b"a, b\n1,x\nNA,y\n"))
    table = read_table(tmp_path / "mine.csv.gz")
    assert table["a"].to_list() == [1, None] and table["b"].to_list() == ["x", "y"]


def test_a_setting_without_a_value_is_named(command):
    done = command("train", "data=table", "data.path=houses.csv", "tracking=none")
    assert done.status == 2
    assert done.stderr == "data.target has no value, and no default: give one with data.target=...\n"


NO_NAMES = ["Unnamed: 0", "Unnamed: 0.1", "__index_level_0__", "...1"]
ROW_NUMBERS = ["index", "id", "ID", "PassengerId", "house_id", "row number", "level_0", "nr"]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("kind", [Table, LargeTable])
def test_numbers_of_rows_are_left_out_and_said(tmp_path, messages, kind, ending):
    rows = np.arange(ROWS)
    table = {name: rows + k % 2 for k, name in enumerate(ROW_NUMBERS)}
    table |= {name: rows % (ROWS // 2) for name in NO_NAMES}  # of two files that were joined
    table |= {"Row": np.random.default_rng(0).permutation(ROWS) + 5, "group_id": rows // 3, "t": rows, "area": rows % 7}
    frame = polars.DataFrame(table | {"label": np.where(rows < ROWS / 2, "low", "high")})
    path = tmp_path / f"sorted.{ending}"
    frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
    own = {"folder": str(tmp_path / "data")} if kind is LargeTable else {}
    data = kind(path=str(path), target="label", seed=0, **own)
    data.setup()
    assert data.spec.feature_names == ("group_id", "t", "area")
    said = "".join(messages)
    (line,) = (line for line in said.splitlines() if "whole numbers that differ in all rows" in line)
    assert line.split(": the row's number")[0].endswith(
        f"{', '.join([*ROW_NUMBERS, 'Row'])}: whole numbers that differ in all rows"
    )
    assert f"{', '.join(NO_NAMES)}: a column without a name: the row numbers" in said
    assert "t numbers the rows of the file" in said and said.count("numbers the rows") == 1


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("kind", [Table, LargeTable])
def test_the_name_of_a_column_is_no_pattern(tmp_path, kind, ending):
    rows = np.random.default_rng(0).permutation(ROWS).astype(float)
    names = ["*", "^a", "ab", "a?", "[x]", "a$"]
    frame = polars.DataFrame({name: rows + k / 2 for k, name in enumerate(names)} | {"y*": 3 * rows})
    path = tmp_path / f"names.{ending}"
    frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
    own = {"folder": str(tmp_path / "data")} if kind is LargeTable else {}
    data = kind(path=str(path), target="y*", seed=0, **own)
    data.setup()
    inputs, targets = data.arrays("train")
    assert data.spec.feature_names == tuple(names)
    np.testing.assert_allclose(inputs, targets / 3 + np.arange(6) / 2, atol=1e-5)
    pattern = frame.rename({"a?": "^a.*$"})
    pattern.write_csv(path) if ending == "csv" else pattern.write_parquet(path)
    with pytest.raises(UserError, match="a name that would be read as a pattern: rename it"):
        kind(path=str(path), target="y*", seed=0, **own).setup()
