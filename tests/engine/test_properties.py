"""Properties that hold for whatever people type and write: spellings of settings, cells of CSV files, axes of time."""

import csv
import io
from datetime import date, datetime, timedelta

import numpy as np
import polars
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from hyperplane.data.columns.time_axis import recognise
from hyperplane.data.columns.times import read_times
from hyperplane.data.files.survey import Spelling
from hyperplane.data.files.table_files import read_as, read_columns
from hyperplane.errors import quoted
from hyperplane.reporting.spelling import unify, value_of
from loguru import logger

pytest.importorskip("hypothesis")  # of constraints.txt
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

# The same examples every time, and few of them: the same thought is tried, not the same case.
few = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(autouse=True)
def silence():
    logger.remove()  # thousands of files are described


def parsed(text):
    (override,) = OverridesParser.create().parse_overrides([f"key={text}"])
    return override.value()


numbers = some.one_of(
    some.integers(-(10**20), 10**20).map(str),
    some.floats(allow_nan=False).map(repr),
    some.from_regex(r"[+-]?[0-9]{0,3}\.[0-9]{0,3}(e[+-]?[0-9]{1,2})?", fullmatch=True).filter(
        lambda t: any(c.isdigit() for c in t.partition("e")[0])
    ),
    some.sampled_from(
        ["1_000", "007", "0.010", "1e-2", "1E-2", ".5", "5.", "inf", "-INF", "NaN", "0x10", "1.2.3", "1e"]
    ),
)
words = some.one_of(
    some.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,6}", fullmatch=True),
    some.sampled_from(["true", "False", "NULL", "none"]),
)
scalars = numbers | words
lists = some.lists(scalars, min_size=1, max_size=3).map(lambda items: f"[{','.join(items)}]")


def plain(value):
    """Return what a value equals, with its kind: 1 and true are two values, 1 and 1.0 are one."""
    if isinstance(value, list):
        return tuple(plain(item) for item in value)
    if isinstance(value, float) and value != value:
        return "number", "nan"
    kind = "word" if value is None or isinstance(value, bool) else "text" if isinstance(value, str) else "number"
    return kind, value


@few
@given(scalars | lists, scalars | lists)
@example("1e-2", "0.010")
@example("[1,2]", "[1.0,2]")
@example("007", "7")
@example("'1'", "1")
def test_two_settings_are_one_value_where_hydra_reads_one(a, b):
    for one, other in ((a, b), (a, a), (a, a.upper())):
        assert (value_of(one) == value_of(other)) == (plain(parsed(one)) == plain(parsed(other))), (one, other)


@few
@given(some.lists(scalars, min_size=1, max_size=6))
def test_equal_values_get_one_spelling_that_was_typed(texts):
    runs = [{"key": text} for text in texts]
    unify(runs)
    for text, run in zip(texts, runs, strict=True):
        assert run["key"] in texts and value_of(run["key"]) == value_of(text)
    assert len({run["key"] for run in runs}) == len({value_of(text) for text in texts})


@few
@given(some.text(some.characters(codec="utf-8", exclude_characters="$\x00\r\n"), min_size=1, max_size=12))
def test_a_text_in_quotes_arrives_as_it_is(text):
    assert parsed(quoted(text)) == text


names = some.lists(
    some.text(some.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=6).filter(
        lambda name: not (name.startswith("^") and name.endswith("$"))
    ),
    min_size=2,
    max_size=4,
    unique=True,
)
reals = some.floats(-1e6, 1e6).map(lambda number: round(number, 3))


def written(path, header, rows, separator=",", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=quoting)
    writer.writerow(header)
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return path


@few
@given(names, some.sampled_from(",;\t|"), some.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), some.data())
def test_any_header_and_any_texts_are_read_as_the_csv_module_reads_them(tmp_path, header, separator, quoting, data):
    # No character separates columns, beside the one that does: what a file means is then not a guess.
    clean = str.maketrans({mark: "x" for mark in ",;\t|"})
    header = [f"{name.translate(clean)}{number}" for number, name in enumerate(header)]
    cell = some.text(some.characters(codec="utf-8", exclude_characters=",;|", exclude_categories=["C"]), max_size=8)
    cells = cell.map(lambda text: f"a{text.strip()}z")
    row = some.tuples(*[cells] * len(header))
    rows = data.draw(some.lists(row, min_size=1, max_size=5))
    path = written(tmp_path / "x.csv", header, rows, separator, quoting)
    table, readings = read_columns(path, None, Spelling())
    assert table.columns == header
    assert [*map(tuple, table.rows())] == rows
    assert read_as(path, readings, "input").equals(table)


@few
@given(
    some.lists(reals, min_size=2, max_size=8),
    some.sampled_from(".,"),
    some.sampled_from(["", " €", "%"]),
    some.booleans(),
)
def test_numbers_are_read_as_they_were_written(tmp_path, values, mark, unit, grouped):
    def text(value):
        whole = f"{value:{',' if grouped else ''}.3f}"
        return whole.translate(str.maketrans({",": "." if mark == "," else ",", ".": mark})) + unit

    path = written(tmp_path / "x.csv", ["name", "x"], [("a", text(value)) for value in values], ";")
    decimal = {".": "point", ",": "comma"}[mark]
    table, readings = read_columns(path, None, Spelling(decimal=decimal))
    assert table["x"].to_list() == values
    assert read_as(path, readings, "input")["x"].to_list() == values


dates = some.lists(some.dates(date(1970, 1, 1), date(2060, 1, 1)), min_size=1, max_size=6)


@few
@given(dates, some.sampled_from(["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d"]))
def test_dates_are_read_as_they_were_written_once_it_is_said_what_comes_first(tmp_path, days, form):
    rows = [("a", day.strftime(form)) for day in days]
    table, readings = read_columns(
        written(tmp_path / "x.csv", ["name", "x"], rows), None, Spelling(day_first=form.startswith("%d"))
    )
    assert table["x"].to_list() == days
    assert read_as(tmp_path / "x.csv", readings, "input")["x"].to_list() == days


@few
@given(
    some.sampled_from(["days", "hours", "minutes", "seconds"]),
    some.integers(1, 40),
    some.datetimes(datetime(1980, 1, 1), datetime(2040, 1, 1)),
    some.lists(some.integers(0, 60), min_size=8, max_size=40, unique=True),
)
def test_even_steps_are_recognised_with_their_gaps(unit, every, start, kept):
    step = timedelta(**{unit: every})
    places = sorted({*kept, 1, 2, 3})
    times = read_times(polars.Series("t", [start.replace(microsecond=0) + place * step for place in places]), "t")
    axis = recognise(times, np.zeros(len(places), np.int64))
    steps, fits = axis.place(times)
    assert fits.all()
    between = np.diff(steps)
    assert (between * (np.diff(places).min() / between.min()) == np.diff(places)).all()


@few
@given(some.integers(1960, 2040), some.integers(1, 12), some.sampled_from([1, 3, 6, 12]), some.integers(1, 31))
def test_months_are_even_steps_on_any_day_of_theirs(year, month, every, day):
    months = np.datetime64(f"{year}-{month:02d}") + every * np.arange(30)
    last = (months + 1).astype("datetime64[D]") - 1
    days = np.minimum(months.astype("datetime64[D]") + (day - 1), last).astype(object).tolist()
    times = read_times(polars.Series("t", days), "t")
    steps, fits = recognise(times, np.zeros(30, np.int64)).place(times)
    assert fits.all() and (np.diff(steps) == 1).all()
